#pragma once

#include <ATen/core/Tensor.h>

namespace codyra {

/// result = weight + b·a for every projection of every layer, on a CPU and below autograd. The layers share
/// the threads. A result is [P·d, k] as the weight, and may be the weight or of another dtype.
/// b is [P, d, r], a [P, r, k].
void add_low_rank_updates(at::TensorList results, at::TensorList weights, at::TensorList b, at::TensorList a);

}  // namespace codyra
