#pragma once

#include <ATen/core/Tensor.h>

namespace codyra {

/// Some rows of a matrix.
struct RowRange {
  int64_t first, count;
};

/// Rows of result = weight + b·a on a CPU, below autograd. result and weight are [d, k] and may be the same;
/// b is [d, r], a [r, k]. All are of one dtype; the result may have another. `is_large`: no cache will hold
/// the result until it is read.
void low_rank_sum(const at::Tensor& result, const at::Tensor& weight, const at::Tensor& b,
                  const at::Tensor& a, RowRange rows, bool is_large);

}  // namespace codyra
