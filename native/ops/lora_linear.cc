// y = x·W_effᵀ + bias,  W_eff = W + B·diag(w)·A      arXiv:2412.01004, eq. 1 and 2
// The case of one projection of lora_linear_stacked, which holds the kernel and the gradient.
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include "checks.h"

namespace codyra {
namespace {

using at::Tensor;

Tensor lora_linear(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias,
                   const Tensor& lora_a, const Tensor& lora_b, const Tensor& importance) {
  constexpr auto name = "codyra::lora_linear";
  check_factors(name, /*stacked=*/false, weight, lora_a, lora_b, importance);
  check_input(name, x, weight, bias);
  static const auto stacked =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("codyra::lora_linear_stacked", "")
          .typed<Tensor(const Tensor&, const Tensor&, const std::optional<Tensor>&, const Tensor&,
                        const Tensor&, const Tensor&, const std::optional<Tensor>&,
                        std::optional<std::string_view>)>();
  return stacked.call(x, weight, bias, lora_a.unsqueeze(0), lora_b.unsqueeze(0), importance.unsqueeze(0),
                      std::nullopt, std::nullopt);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(codyra, m) {
  m.def(
      "lora_linear(Tensor x, Tensor weight, Tensor? bias, Tensor lora_a, Tensor lora_b, Tensor importance) "
      "-> Tensor",
      lora_linear);  // composite: autograd, meta and every device follow from the stacked operator
}

}  // namespace codyra
