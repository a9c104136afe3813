#pragma once

#include <ATen/core/Tensor.h>

namespace codyra {

/// W_eff = W + B·diag(w)·A of stacked projections, [P·d, k] in `dtype`; computed in the dtype of W. Without a
/// graph.
at::Tensor effective_weight(const at::Tensor& weight, const at::Tensor& lora_a, const at::Tensor& lora_b,
                            const at::Tensor& importance, at::ScalarType dtype);

}  // namespace codyra
