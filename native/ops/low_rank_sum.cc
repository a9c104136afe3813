// W + B·A of low rank
// So few ranks cost little more than going through the elements of W. A library's product does that twice: it
// copies W to the result, then adds to it.
#include "low_rank_sum.h"

#include <ATen/ops/addmm.h>

#include <algorithm>
#include <memory>

#include "lanes.h"
#include "vectorized.h"

namespace codyra {
namespace {

using at::Tensor;

/// Where the sums go: to memory through the caches, or past them.
enum class Store { cached, streamed };

// `rows` sums of sixteen columns stay in registers while the ranks are added up.
template <int rows, Store store, typename T>
[[gnu::always_inline]] inline void add_to_rows(Rows<T> result, Rows<const float> weight, Rows<const float> b,
                                               Rows<const float> a, int64_t columns, int64_t rank) {
  int64_t column = 0;
  for (; column + lane_count <= columns; column += lane_count) {
    for (int row = 0; row < rows; row++) __builtin_prefetch(&weight(row + rows, column));
    Lanes sums[rows] = {};
    for (int64_t r = 0; r < rank; r++) {
      const Lanes factor = lanes_at(&a(r, column));
#pragma GCC unroll 4
      for (int row = 0; row < rows; row++) sums[row] += factor * b(row, r);
    }
#pragma GCC unroll 4
    for (int row = 0; row < rows; row++) {
      const Lanes sum = lanes_at(&weight(row, column)) + sums[row];
      if constexpr (store == Store::streamed) stream_lanes(&result(row, column), sum);
      else store_lanes(&result(row, column), sum);
    }
  }
  for (; column < columns; column++) {
    for (int row = 0; row < rows; row++) {
      float sum = 0;
      for (int64_t r = 0; r < rank; r++) sum += b(row, r) * a(r, column);
      result(row, column) = weight(row, column) + sum;
    }
  }
}

constexpr int64_t block_columns = 256;  // of A, whose ranks then stay in the nearest cache

template <Store store, typename T>
CODYRA_VECTORIZED void add_to_all(Rows<T> result, Rows<const float> weight, Rows<const float> b,
                                  Rows<const float> a, float* block, int64_t rows, int64_t columns,
                                  int64_t rank) {
  constexpr int together = 4;
  for (int64_t first = 0; first < columns; first += block_columns) {
    const auto count = std::min(block_columns, columns - first);
    // In one piece: rows a multiple of 4 kB apart would take each other's place in the cache.
    const Rows<float> packed(block, block_columns);
    for (int64_t r = 0; r < rank; r++) std::copy_n(&a(r, first), count, &packed(r, 0));
    const Rows<const float> ranks(block, block_columns);
    int64_t row = 0;
    for (; row + together <= rows; row += together) {
      add_to_rows<together, store>(result.from(row, first), weight.from(row, first), b.from(row, 0), ranks,
                                   count, rank);
    }
    for (; row < rows; row++) {
      add_to_rows<1, store>(result.from(row, first), weight.from(row, first), b.from(row, 0), ranks, count,
                            rank);
    }
  }
}

template <Store store, typename T>
void add(const Tensor& result, const Tensor& weight, const Tensor& b, const Tensor& a, RowRange rows) {
  const auto read = [](const Tensor& tensor, int64_t first) {
    return Rows(tensor.const_data_ptr<float>(), tensor.stride(0)).from(first, 0);
  };
  const auto ranks = a.size(0);
  const auto block = std::make_unique_for_overwrite<float[]>(ranks * block_columns);
  add_to_all<store>(Rows(result.data_ptr<T>(), result.stride(0)).from(rows.first, 0),
                    read(weight, rows.first), read(b, rows.first), read(a, 0), block.get(), rows.count,
                    result.size(1), ranks);
  if constexpr (store == Store::streamed) fence_streams();
}

bool has_whole_rows(const Tensor& tensor) { return tensor.stride(1) == 1; }

bool has_float_rows(const Tensor& tensor) {
  return tensor.scalar_type() == at::kFloat && has_whole_rows(tensor);
}

bool is_aligned(const Tensor& tensor) {
  return reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr()) % 16 == 0 && tensor.stride(0) % 4 == 0;
}

// Plain ATen, for every dtype and layout.
void add_by_library(Tensor result, const Tensor& weight, const Tensor& b, const Tensor& a) {
  if (result.scalar_type() == weight.scalar_type()) at::addmm_out(result, weight, b, a);
  else result.copy_(at::addmm(weight, b, a));
}

}  // namespace

void low_rank_sum(const Tensor& result, const Tensor& weight, const Tensor& b, const Tensor& a, RowRange rows,
                  bool is_large) {
  const bool is_suited =
      has_float_rows(weight) && has_float_rows(b) && has_float_rows(a) && has_whole_rows(result);
  if (is_suited && result.scalar_type() == at::kFloat) {
    const bool streams = is_large && is_aligned(result);
    (streams ? add<Store::streamed, float> : add<Store::cached, float>)(result, weight, b, a, rows);
  } else if (is_suited && result.scalar_type() == at::kBFloat16) {
    add<Store::cached, at::BFloat16>(result, weight, b, a, rows);
  } else {
    const auto part = [rows](const Tensor& tensor) { return tensor.narrow(0, rows.first, rows.count); };
    add_by_library(part(result), part(weight), part(b), a);
  }
}

}  // namespace codyra
