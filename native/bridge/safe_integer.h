#pragma once

namespace codyra {

// Number.MAX_SAFE_INTEGER: beyond it, doubles skip integers.
inline constexpr double kMaxSafeInteger = 9007199254740991.0;

}  // namespace codyra
