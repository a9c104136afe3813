#include "activation.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>

namespace codyra {

using at::Tensor;

namespace {

/// What aten::gelu calls this variant.
std::string_view gelu_approximation(std::string_view activation) {
  TORCH_CHECK(activation == "gelu" || activation == "gelu_pytorch_tanh",
              "codyra::lora_linear_stacked: expected activation quick_gelu, gelu or gelu_pytorch_tanh, got ",
              activation, ". Apply others to x before.");
  return activation == "gelu" ? "none" : "tanh";
}

}  // namespace

Tensor activate(const Tensor& x, std::string_view activation) {
  if (activation != "quick_gelu") return at::gelu(x, gelu_approximation(activation));
  static const auto quick_gelu =
      c10::Dispatcher::singleton().findSchemaOrThrow("codyra::quick_gelu", "").typed<Tensor(const Tensor&)>();
  return quick_gelu.call(x);
}

Tensor activate_backward(const Tensor& grad, const Tensor& x, std::string_view activation) {
  if (activation != "quick_gelu") return at::gelu_backward(grad, x, gelu_approximation(activation));
  static const auto quick_gelu_backward = c10::Dispatcher::singleton()
                                              .findSchemaOrThrow("codyra::quick_gelu_backward", "")
                                              .typed<Tensor(const Tensor&, const Tensor&)>();
  return quick_gelu_backward.call(grad, x);
}

}  // namespace codyra
