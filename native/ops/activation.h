// The activation before a layer, by its name in CLIP configurations.
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

namespace codyra {

/// f(x); f is quick_gelu, gelu or gelu_pytorch_tanh. Others are refused.
at::Tensor activate(const at::Tensor& x, std::string_view activation);

/// f'(x)∘grad
at::Tensor activate_backward(const at::Tensor& grad, const at::Tensor& x, std::string_view activation);

}  // namespace codyra
