#pragma once

#include <string>
#include <vector>

namespace codyra::cuda {

/**
 * Compiles `name`.cu with NVRTC, or takes what an earlier process has kept in the user's cache directory.
 * Returns a cubin. Throws with the compiler's log.
 */
std::string compile(const std::string& name, const std::vector<std::string>& options);

}  // namespace codyra::cuda
