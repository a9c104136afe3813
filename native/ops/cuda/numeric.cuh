// 16-bit floating-point types in place of CUDA's headers, which need not be there when a kernel is compiled.
#pragma once

namespace codyra::cuda {

struct bfloat16 {
  unsigned short bits;
};

struct half {
  unsigned short bits;
};

/// The type that elements of a tensor are computed in.
template <typename T>
struct OpMath {
  using type = float;
};

template <>
struct OpMath<double> {
  using type = double;
};

__device__ inline double to_opmath(double x) { return x; }
__device__ inline float to_opmath(float x) { return x; }
__device__ inline float to_opmath(bfloat16 x) { return __uint_as_float(static_cast<unsigned>(x.bits) << 16); }
__device__ inline float to_opmath(half x) {
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(x.bits));
  return result;
}

__device__ inline void from_opmath(double x, double& result) { result = x; }
__device__ inline void from_opmath(float x, float& result) { result = x; }
__device__ inline void from_opmath(float x, bfloat16& result) {
  const unsigned bits = __float_as_uint(x);
  result.bits = x != x ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;  // to nearest, ties to even
}
__device__ inline void from_opmath(float x, half& result) {
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result.bits) : "f"(x));
}

/// Elements that are loaded or stored in one instruction.
template <typename T>
struct alignas(4 * sizeof(T)) Pack {
  static constexpr int size = 4;
  T at[size];
};

/// Whether an array may be read in packs.
template <typename T>
__device__ inline bool is_aligned(const T* array) {
  return reinterpret_cast<unsigned long long>(array) % sizeof(Pack<T>) == 0;
}

}  // namespace codyra::cuda
