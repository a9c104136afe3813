// CUDA's device language for a C++ compiler, as far as the kernels of native/ops/cuda use it. It is included
// before a kernel, which is compiled as it is.
#pragma once

#include <math.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "block.h"

#define __device__
#define __global__
#define __grid_constant__
#define __launch_bounds__(...)
// In a section of its own, which block.cc fills with garbage before each block.
#define __shared__ static __attribute__((section("shared")))
// The standard's keyword may not stand after `static`.
#define alignas(bytes) __attribute__((aligned(bytes)))

using emulation::blockDim;
using emulation::blockIdx;
using emulation::gridDim;
using emulation::threadIdx;

// A test defines it away.
#ifndef __syncthreads
inline void __syncthreads() { emulation::wait_for_block(); }
#endif

inline int min(int a, int b) { return a < b ? a : b; }

inline float __uint_as_float(unsigned bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

inline unsigned __float_as_uint(float value) {
  unsigned bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

namespace emulation {

inline void expect_instruction(const char* wanted, const char* text) {
  if (strstr(text, wanted) != nullptr) return;
  fprintf(stderr, "expected the instruction %s, got %s\n", wanted, text);
  abort();
}

template <typename Half>
void convert(const char* instruction, const Half& x, float& result) {
  expect_instruction("cvt.f32.f16 %0, %1;", instruction);
  static_assert(sizeof(Half) == sizeof(_Float16));
  _Float16 value;
  memcpy(&value, &x, sizeof value);
  result = value;
}

template <typename Half>
void convert(const char* instruction, const float& x, Half& result) {
  expect_instruction("cvt.rn.f16.f32 %0, %1;", instruction);
  static_assert(sizeof(Half) == sizeof(_Float16));
  const auto value = static_cast<_Float16>(x);
  memcpy(&result, &value, sizeof result);
}

}  // namespace emulation

// The kernels' instructions of PTX: both convert a variable `x` into a variable `result`.
#define asm(...) emulation::convert(#__VA_ARGS__, x, result)
