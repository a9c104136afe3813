#pragma once

namespace codyra {

/// Whether this is a processor of AMD, for which MKL's float32 kernels stop at AVX2.
inline bool is_amd() {
#if defined(__x86_64__) && defined(__GNUC__)
  return __builtin_cpu_is("amd");
#else
  return false;
#endif
}

/// Whether it has registers of sixteen floats, and 32 of them.
inline bool has_wide_registers() {
#if defined(__x86_64__) && defined(__GNUC__)
  return __builtin_cpu_supports("avx512f");
#else
  return false;
#endif
}

}  // namespace codyra
