// W ← W + Σ_{i: w_i ≠ 0} w_i·B[:, i]·A[i, :]      arXiv:2412.01004, algorithm of task t: prune, then merge
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/where.h>
#include <torch/csrc/autograd/VariableTypeUtils.h>
#include <torch/library.h>

#include "checks.h"
#include "low_rank_update.h"

namespace codyra {
namespace {

using at::Tensor;
using at::TensorList;

/// Throws unless all importance weights are finite. One read-back for all layers and both answers.
/// @returns how many are not zero
c10::SymInt count_ranks(const char* name, TensorList importance) {
  std::vector<Tensor> flat;
  for (const auto& w : importance) flat.push_back(w.detach().flatten());
  const auto all = at::cat(flat);
  const auto active = at::where(all.isfinite().all(), all.ne(0).sum(), -1).item().toSymInt();
  TORCH_SYM_CHECK(active.sym_ge(0), name, ": expected finite importance weights, got ",
                  all.isfinite().logical_not().sum().item<int64_t>(), " of ", all.sym_numel(),
                  " non-finite. Stop the task and go back to its last good state.");
  return active;
}

constexpr auto add_kept_ranks_name = "codyra::add_kept_ranks_";

// Plain ATen, for every device.
void add_kept_ranks_(Tensor& weight, const Tensor& a, const Tensor& b, const Tensor& w) {
  const auto pruned = w.eq(0);
  // Masked rather than multiplied by zero, which would let an overflow in a pruned rank through.
  const auto kept_b = b.mul(w.unsqueeze(1)).masked_fill(pruned.unsqueeze(1), 0);  // [P, d, r]
  const auto kept_a = a.masked_fill(pruned.unsqueeze(2), 0);                      // [P, r, k]
  weight.unflatten_symint(0, {b.sym_size(0), b.sym_size(1)}).baddbmm_(kept_b, kept_a);
}

// Pruned ranks are left out.
void add_kept_ranks_cpu(Tensor& weight, const Tensor& a, const Tensor& b, const Tensor& w) {
  check_factors(add_kept_ranks_name, /*stacked=*/true, weight, a, b, w);
  check_writable(add_kept_ranks_name, weight, {a, b});
  for (int64_t projection = 0; projection < a.size(0); projection++) {
    auto part_a = a[projection], part_b = b[projection], gates = w[projection];
    const auto kept = gates.nonzero().flatten();
    if (kept.numel() < gates.numel()) {
      part_a = part_a.index_select(0, kept);
      part_b = part_b.index_select(1, kept);
      gates = gates.index_select(0, kept);
    }
    const auto rows = weight.narrow(0, projection * b.size(1), b.size(1));
    add_low_rank_updates({rows}, {rows}, {part_b.mul(gates).unsqueeze(0)}, {part_a.unsqueeze(0)});
  }
}

const auto& add_kept_ranks_op() {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow(add_kept_ranks_name, "")
                             .typed<decltype(add_kept_ranks_)>();
  return op;
}

// Nothing is recorded, but graphs have to know that the weight changed.
void add_kept_ranks_autograd(Tensor& weight, const Tensor& a, const Tensor& b, const Tensor& w) {
  torch::autograd::check_inplace(weight, at::GradMode::is_enabled() && weight.requires_grad());
  {
    const at::AutoDispatchBelowADInplaceOrView guard;
    add_kept_ranks_op().call(weight, a, b, w);
  }
  weight.unsafeGetTensorImpl()->bump_version();
}

/// a [P, r, k], b [P, d, r], w [P, r]. Detached: the merged weight is not a node of the finished task's
/// graph.
void merge(Tensor& weight, const Tensor& a, const Tensor& b, const Tensor& w) {
  add_kept_ranks_op().call(weight, a.detach(), b.detach(), w.detach());
}

/// Returns the number of ranks merged. lora_a [r, k] or, for P stacked projections, [P, r, k].
c10::SymInt merge_ranks_(Tensor& weight, const Tensor& lora_a, const Tensor& lora_b,
                         const Tensor& importance) {
  constexpr auto name = "codyra::merge_ranks_";
  const bool stacked = lora_a.dim() == 3;
  check_factors(name, stacked, weight, lora_a, lora_b, importance);
  const auto active = count_ranks(name, importance);
  const auto stack = [stacked](const Tensor& factor) { return stacked ? factor : factor.unsqueeze(0); };
  merge(weight, stack(lora_a), stack(lora_b), stack(importance));
  return active;
}

/// All layers of a model, stacked factors each. Returns the ranks merged for every projection, int64 [ΣP].
Tensor merge_all_ranks_(TensorList weights, TensorList lora_a, TensorList lora_b, TensorList importance) {
  constexpr auto name = "codyra::merge_all_ranks_";
  check_layers(name, weights, lora_a, lora_b, importance);
  check_distinct(name, weights);
  count_ranks(name, importance);
  std::vector<Tensor> counts;
  for (size_t i = 0; i < weights.size(); i++) {
    auto weight = weights[i];
    merge(weight, lora_a[i], lora_b[i], importance[i]);
    counts.push_back(importance[i].detach().ne(0).sum(1));
  }
  return at::cat(counts);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(codyra, m) {
  m.def("merge_ranks_(Tensor(a!) weight, Tensor lora_a, Tensor lora_b, Tensor importance) -> SymInt",
        merge_ranks_);
  m.def(
      "merge_all_ranks_(Tensor(a!)[] weights, Tensor[] lora_a, Tensor[] lora_b, Tensor[] importance) -> "
      "Tensor",
      merge_all_ranks_);
  m.def("add_kept_ranks_(Tensor(a!) weight, Tensor lora_a, Tensor lora_b, Tensor importance) -> ()");
}

TORCH_LIBRARY_IMPL(codyra, CPU, m) { m.impl("add_kept_ranks_", add_kept_ranks_cpu); }

TORCH_LIBRARY_IMPL(codyra, CompositeExplicitAutograd, m) { m.impl("add_kept_ranks_", add_kept_ranks_); }

TORCH_LIBRARY_IMPL(codyra, Autograd, m) { m.impl("add_kept_ranks_", add_kept_ranks_autograd); }

}  // namespace codyra
