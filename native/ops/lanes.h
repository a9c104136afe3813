// Sixteen floats, which the compiler keeps in the widest registers of whatever it compiles for.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace codyra {

constexpr int64_t lane_count = 16;
using Lanes = float __attribute__((vector_size(64)));

/// Rows of a matrix in memory, `stride` elements apart.
template <typename T>
struct Rows {
  T* data;
  int64_t stride;

  Rows(T* data, int64_t stride) : data(data), stride(stride) {}
  /// The part that begins at a row and a column.
  Rows from(int64_t row, int64_t column) const { return {data + row * stride + column, stride}; }
  T& operator()(int64_t row, int64_t column) const { return data[row * stride + column]; }
};

using UnalignedLanes = float __attribute__((vector_size(64), aligned(4), may_alias));

/// The sixteen elements from an address on.
[[gnu::always_inline]] inline const UnalignedLanes& lanes_at(const float* address) {
  return *reinterpret_cast<const UnalignedLanes*>(address);
}

[[gnu::always_inline]] inline UnalignedLanes& lanes_at(float* address) {
  return *reinterpret_cast<UnalignedLanes*>(address);
}

[[gnu::always_inline]] inline void store_lanes(float* address, const Lanes& values) {
  lanes_at(address) = values;
}

/// Rounded to the nearest, ties to even, as c10::BFloat16 does; NaN stays NaN.
[[gnu::always_inline]] inline void store_lanes(c10::BFloat16* address, const Lanes& values) {
  using Words = uint32_t __attribute__((vector_size(64), may_alias));
  using Halves = uint16_t __attribute__((vector_size(32)));
  using Unaligned = uint16_t __attribute__((vector_size(32), aligned(2), may_alias));
  const Words bits = reinterpret_cast<const Words&>(values);
  const Words rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const Words kept = (bits & 0x7fffffff) > 0x7f800000 ? Words{} + 0x7fc0 : rounded;
  *reinterpret_cast<Unaligned*>(address) = __builtin_convertvector(kept, Halves);
}

/// Past the caches, so that the line is not read before it is overwritten. The address is a multiple of 16.
[[gnu::always_inline]] inline void stream_lanes(float* address, const Lanes& values) {
#if defined(__x86_64__)
  using Quarter = float __attribute__((vector_size(16), may_alias));
  const auto* quarters = reinterpret_cast<const Quarter*>(&values);
  for (int i = 0; i < 4; i++) _mm_stream_ps(address + 4 * i, quarters[i]);
#else
  store_lanes(address, values);
#endif
}

/// Other threads see streamed values before they see what is written later.
inline void fence_streams() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

}  // namespace codyra
