// W ← W + Σ_{i: w_i ≠ 0} w_i·B[:, i]·A[i, :] for all layers at once
// arXiv:2412.01004, algorithm of task t
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ne.h>
#include <ATen/ops/sum.h>
#include <torch/library.h>

#include "../checks.h"
#include "low_rank_update.h"

namespace codyra {
namespace {

using at::Tensor;
using at::TensorList;

constexpr auto name = "codyra::merge_all_ranks_";

void check_finite(TensorList importance) {
  std::vector<Tensor> flat;
  for (const auto& w : importance) flat.push_back(w.flatten());
  const auto broken = at::cat(flat).isfinite().logical_not().sum().item<int64_t>();
  TORCH_CHECK(broken == 0, name, ": expected finite importance weights, got ", broken,
              " non-finite. Stop the task and go back to its last good state.");
}

/// Returns how many ranks were merged into each matrix, [Σ P] int64 in the order of the layers.
Tensor merge_all_ranks_cuda(TensorList weights, TensorList lora_a, TensorList lora_b, TensorList importance) {
  const cuda::LowRankUpdates updates{weights, lora_a, lora_b, importance};
  cuda::check_updates(name, updates);
  check_distinct(name, weights);
  const at::NoGradGuard no_grad;  // the merged weight is not a node of the finished task's graph
  check_finite(importance);
  int64_t projections = 0;
  for (const auto& w : importance) projections += w.size(0);
  const auto active = at::empty({projections}, importance[0].options().dtype(at::kLong));

  std::vector<Tensor> merged;
  for (const auto& weight : weights) merged.push_back(weight.contiguous());
  cuda::add_low_rank_updates({merged, lora_a, lora_b, importance}, merged, &active);
  int64_t start = 0;
  for (size_t i = 0; i < merged.size(); i++) {
    // The kernel counts while it merges, and has nothing to merge where a side is empty.
    const auto count = importance[i].size(0);
    if (merged[i].numel() == 0) active.narrow(0, start, count).copy_(importance[i].ne(0).sum(1));
    start += count;
    if (merged[i].is_same(weights[i])) weights[i].unsafeGetTensorImpl()->bump_version();
    else weights[i].copy_(merged[i]);
  }
  return active;
}

}  // namespace

TORCH_LIBRARY_IMPL(codyra, CUDA, m) { m.impl("merge_all_ranks_", merge_all_ranks_cuda); }

}  // namespace codyra
