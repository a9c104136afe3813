// W_eff = W + B·diag(w)·A for many layers at once      arXiv:2412.01004, eq. 1 and 2
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include "low_rank_update.h"

namespace codyra {
namespace {

using at::Tensor;
using at::TensorList;

std::vector<Tensor> effective_weights_cuda(TensorList weights, TensorList lora_a, TensorList lora_b,
                                           TensorList importance, std::optional<at::ScalarType> dtype) {
  const cuda::LowRankUpdates updates{weights, lora_a, lora_b, importance};
  cuda::check_updates("codyra::effective_weights", updates);
  std::vector<Tensor> effective;
  for (const auto& weight : weights) {
    effective.push_back(
        at::empty(weight.sizes(), weight.options().dtype(dtype.value_or(weight.scalar_type()))));
  }
  cuda::add_low_rank_updates(updates, effective, nullptr);
  return effective;
}

}  // namespace

TORCH_LIBRARY_IMPL(codyra, CUDA, m) { m.impl("effective_weights", effective_weights_cuda); }

}  // namespace codyra
