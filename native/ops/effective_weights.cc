// W_eff = W + B·diag(w)·A for many layers at once      arXiv:2412.01004, eq. 1 and 2
#include "effective_weights.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include "checks.h"
#include "low_rank_update.h"

namespace codyra {
namespace {

using at::Tensor;
using at::TensorList;

constexpr auto effective_weights_name = "codyra::effective_weights";

// Plain ATen, for every device.
std::vector<Tensor> effective_weights(TensorList weights, TensorList lora_a, TensorList lora_b,
                                      TensorList importance, std::optional<at::ScalarType> dtype) {
  check_layers(effective_weights_name, weights, lora_a, lora_b, importance);
  std::vector<Tensor> effective;
  for (size_t i = 0; i < weights.size(); i++) {
    const auto shape = {lora_b[i].sym_size(0), lora_b[i].sym_size(1)};
    const auto scaled_b = lora_b[i].mul(importance[i].unsqueeze(1));                           // [P, d, r]
    const auto sum = at::baddbmm(weights[i].unflatten_symint(0, shape), scaled_b, lora_a[i]);  // [P, d, k]
    effective.push_back(sum.flatten(0, 1).to(dtype.value_or(weights[i].scalar_type())));
  }
  return effective;
}

std::vector<Tensor> effective_weights_cpu(TensorList weights, TensorList lora_a, TensorList lora_b,
                                          TensorList importance, std::optional<at::ScalarType> dtype) {
  check_layers(effective_weights_name, weights, lora_a, lora_b, importance);
  std::vector<Tensor> effective, scaled_b;
  for (size_t i = 0; i < weights.size(); i++) {
    effective.push_back(
        at::empty(weights[i].sizes(), weights[i].options().dtype(dtype.value_or(weights[i].scalar_type()))));
    scaled_b.push_back(lora_b[i].mul(importance[i].unsqueeze(1)));  // [P, d, r]
  }
  add_low_rank_updates(effective, weights, scaled_b, lora_a);
  return effective;
}

std::vector<Tensor> call(TensorList weights, TensorList lora_a, TensorList lora_b, TensorList importance,
                         std::optional<at::ScalarType> dtype) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow(effective_weights_name, "")
                             .typed<decltype(effective_weights)>();
  return op.call(weights, lora_a, lora_b, importance, dtype);
}

std::vector<Tensor> effective_weights_below_autograd(TensorList weights, TensorList lora_a, TensorList lora_b,
                                                     TensorList importance,
                                                     std::optional<at::ScalarType> dtype) {
  const at::AutoDispatchBelowADInplaceOrView guard;
  return call(weights, lora_a, lora_b, importance, dtype);
}

}  // namespace

Tensor effective_weight(const Tensor& weight, const Tensor& lora_a, const Tensor& lora_b,
                        const Tensor& importance, at::ScalarType dtype) {
  return call({weight}, {lora_a}, {lora_b}, {importance}, dtype)[0];
}

TORCH_LIBRARY_FRAGMENT(codyra, m) {
  m.def(
      "effective_weights(Tensor[] weights, Tensor[] lora_a, Tensor[] lora_b, Tensor[] importance, *, "
      "ScalarType? dtype=None) -> Tensor[]");
}

TORCH_LIBRARY_IMPL(codyra, CompositeExplicitAutograd, m) { m.impl("effective_weights", effective_weights); }

TORCH_LIBRARY_IMPL(codyra, CPU, m) { m.impl("effective_weights", effective_weights_cpu); }

// The result has no graph: gradients of a layer come from lora_linear_stacked, which takes the result as a
// constant.
TORCH_LIBRARY_IMPL(codyra, Autograd, m) { m.impl("effective_weights", effective_weights_below_autograd); }

}  // namespace codyra
