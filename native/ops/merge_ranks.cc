// W ← W + Σ_{i: w_i ≠ 0} w_i·B[:, i]·A[i, :]      arXiv:2412.01004, algorithm of task t: prune, then merge
#include <ATen/ops/where.h>
#include <torch/library.h>

#include "checks.h"

namespace codyra {
namespace {

using at::Tensor;

/// Returns the number of ranks merged. lora_a [r, k] or, for P stacked projections, [P, r, k].
c10::SymInt merge_ranks_(Tensor& weight, const Tensor& lora_a, const Tensor& lora_b, const Tensor& importance) {
  constexpr auto name = "codyra::merge_ranks_";
  const bool stacked = lora_a.dim() == 3;
  check_factors(name, stacked, weight, lora_a, lora_b, importance);
  // Detached: the merged weight is an ordinary tensor, not a node of the finished task's graph.
  const auto stack = [stacked](const Tensor& factor) {
    return stacked ? factor.detach() : factor.detach().unsqueeze(0);
  };
  const auto a = stack(lora_a), b = stack(lora_b), w = stack(importance);

  const auto pruned = w.eq(0);
  // One read-back for both answers: the count, and whether it means anything.
  const auto active = at::where(w.isfinite().all(), pruned.logical_not().sum(), -1).item().toSymInt();
  TORCH_SYM_CHECK(active.sym_ge(0), name, ": expected finite importance weights, got ",
                  w.isfinite().logical_not().sum().item<int64_t>(), " of ", w.sym_numel(),
                  " non-finite. Stop the task and go back to its last good state.");
  // Masked rather than multiplied by zero, which would let an overflow in a pruned rank through.
  const auto kept_b = b.mul(w.unsqueeze(1)).masked_fill(pruned.unsqueeze(1), 0);  // [P, d, r]
  const auto kept_a = a.masked_fill(pruned.unsqueeze(2), 0);                     // [P, r, k]
  weight.unflatten_symint(0, {b.sym_size(0), b.sym_size(1)}).baddbmm_(kept_b, kept_a);
  return active;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(codyra, m) {
  m.def("merge_ranks_(Tensor(a!) weight, Tensor lora_a, Tensor lora_b, Tensor importance) -> SymInt", merge_ranks_);
}

}  // namespace codyra
