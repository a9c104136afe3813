// S = (g·B)ᵀ·x,   T = gᵀ·(x·Aᵀ)      sixteen ranks at a time.
// Some rows of g, and of x, are multiplied twice while they are in the cache.
#include "skinny_by_sixteens.h"

#include <ATen/Parallel.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <vector>

#include "lanes.h"
#include "processor.h"
#include "vectorized.h"

namespace codyra {
namespace {

using at::Tensor;

template <int rows>
[[gnu::always_inline]] inline void project_rows(Rows<float> y, Rows<const float> x, Rows<const float> m,
                                                int64_t columns) {
  Lanes sums[rows] = {};
  for (int64_t column = 0; column < columns; column++) {
    const Lanes factor = lanes_at(&m(column, 0));
#pragma GCC unroll 8
    for (int row = 0; row < rows; row++) sums[row] += factor * x(row, column);
  }
#pragma GCC unroll 8
  for (int row = 0; row < rows; row++) store_lanes(&y(row, 0), sums[row]);
}

/// y = x·m for sixteen columns. x [rows, columns], m [columns, 16]
CODYRA_VECTORIZED void project(Rows<float> y, Rows<const float> x, Rows<const float> m, int64_t rows,
                               int64_t columns) {
  constexpr int together = 8;
  int64_t row = 0;
  for (; row + together <= rows; row += together) {
    project_rows<together>(y.from(row, 0), x.from(row, 0), m, columns);
  }
  for (; row < rows; row++) project_rows<1>(y.from(row, 0), x.from(row, 0), m, columns);
}

/// z += yᵀ·x for sixteen rows. y [rows, 16], x [rows, columns]
CODYRA_VECTORIZED void accumulate(Rows<float> z, Rows<const float> y, Rows<const float> x, int64_t rows,
                                  int64_t columns) {
  int64_t column = 0;
  for (; column + lane_count <= columns; column += lane_count) {
    Lanes sums[lane_count] = {};
    for (int64_t row = 0; row < rows; row++) {
      const Lanes factor = lanes_at(&x(row, column));
#pragma GCC unroll 16
      for (int64_t r = 0; r < lane_count; r++) sums[r] += factor * y(row, r);
    }
#pragma GCC unroll 16
    for (int64_t r = 0; r < lane_count; r++) lanes_at(&z(r, column)) += sums[r];
  }
  for (; column < columns; column++) {
    for (int64_t row = 0; row < rows; row++) {
      for (int64_t r = 0; r < lane_count; r++) z(r, column) += y(row, r) * x(row, column);
    }
  }
}

constexpr int64_t chunk_rows = 64;  // of x and g, in a core's second cache

}  // namespace

// On AMD, MKL's small products reach half of the speed of large ones: 16 ms where ours take 9
// (3152×768→3072, one thread). On Intel they are the faster ones.
bool are_sixteens_faster(at::ScalarType dtype, const c10::SymInt& rank) {
  static const bool is_suited = is_amd() && has_wide_registers();
  const auto known = rank.maybe_as_int();
  return is_suited && dtype == at::kFloat && known && *known > 0 && *known % lane_count == 0;
}

SkinnyProducts skinny_products_by_sixteens(const Tensor& grads, const Tensor& x, const Tensor& lora_a,
                                           const Tensor& lora_b, bool need_s, bool need_t) {
  const auto projections = lora_a.size(0), rank = lora_a.size(1), k = lora_a.size(2), d = lora_b.size(1);
  const auto ranks = projections * rank, rows = x.size(0), threads = int64_t{at::get_num_threads()};
  const auto all_g = grads.contiguous(), all_x = x.contiguous();  // [N, P·d], [N, k]
  const auto all_a = lora_a.flatten(0, 1).t().contiguous();       // [k, P·r]
  const auto all_b = lora_b.contiguous().flatten(0, 1);           // [P·d, r]
  // A sum for every thread, added up in the order of threads: the same threads give the same result.
  const auto s = at::zeros({threads, ranks, k}, x.options());
  const auto t = at::zeros({threads, ranks, d}, x.options());
  at::parallel_for(0, at::divup(rows, chunk_rows), 1, [&](int64_t begin, int64_t end) {
    const auto own_s = Rows(s.data_ptr<float>(), k).from(at::get_thread_num() * ranks, 0);
    const auto own_t = Rows(t.data_ptr<float>(), d).from(at::get_thread_num() * ranks, 0);
    std::vector<float> memory(2 * chunk_rows * ranks);
    const Rows<float> p(memory.data(), ranks), q(memory.data() + chunk_rows * ranks, ranks);
    const auto read = [](Rows<float> rows) { return Rows<const float>(rows.data, rows.stride); };
    for (auto chunk = begin; chunk < end; chunk++) {
      const auto first = chunk * chunk_rows, count = std::min(chunk_rows, rows - first);
      const auto g_rows = Rows(all_g.const_data_ptr<float>(), projections * d).from(first, 0);
      const auto x_rows = Rows(all_x.const_data_ptr<float>(), k).from(first, 0);
      const auto a = Rows(all_a.const_data_ptr<float>(), ranks);
      const auto b = Rows(all_b.const_data_ptr<float>(), rank);
      for (int64_t r = 0; need_t && r < ranks; r += lane_count) {
        project(p.from(0, r), x_rows, a.from(0, r), count, k);
      }
      for (int64_t r = 0; r < ranks; r += lane_count) {
        const auto projection = r / rank;
        const auto g = g_rows.from(0, projection * d);
        if (need_s) project(q.from(0, r), g, b.from(projection * d, r % rank), count, d);
        if (need_t) accumulate(own_t.from(r, 0), read(p.from(0, r)), g, count, d);
      }
      for (int64_t r = 0; need_s && r < ranks; r += lane_count) {
        accumulate(own_s.from(r, 0), read(q.from(0, r)), x_rows, count, k);
      }
    }
  });
  return {s.sum(0).view({projections, rank, k}), t.sum(0).view({projections, rank, d}).transpose(1, 2)};
}

}  // namespace codyra
