#pragma once

#include <ATen/core/Tensor.h>

namespace codyra::cuda {

struct LowRankUpdates {
  at::TensorList weights;     // [P·d, k] each
  at::TensorList lora_a;      // [P, r, k]
  at::TensorList lora_b;      // [P, d, r]
  at::TensorList importance;  // [P, r]
};

/// Throws, in the name of `op`, unless shapes fit together and all tensors have one dtype and device.
void check_updates(const char* op, const LowRankUpdates& updates);

/**
 * results[i] = weights[i] + B·diag(w)·A of all layers, in one launch per 128 of them; a result may be its
 * weight. With `active` [Σ P] int64, ranks of zero importance are left out; it receives how many remain in
 * each projection.
 */
void add_low_rank_updates(const LowRankUpdates& updates, at::TensorList results, const at::Tensor* active);

}  // namespace codyra::cuda
