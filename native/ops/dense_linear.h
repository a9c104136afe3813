#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace codyra {

/// y = x·Wᵀ + bias with the fastest product at hand, below autograd. x [..., k], weight [d, k], bias [d]. A
/// transposed weight is read where it lies.
at::Tensor dense_linear(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias);

}  // namespace codyra
