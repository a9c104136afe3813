#pragma once

#include <ATen/core/Tensor.h>

namespace codyra {

/// T_κ in place: x − sign(x)·κ if |x| > κ, else 0. NaN stays NaN. Throws if kappa is not >= 0.
at::Tensor& soft_threshold_(at::Tensor& importance, double kappa);

/// The published code's variant in place: 0 for |x| < 2κ, but |x| = κ stays; x − sign(x)·κ beyond.
at::Tensor& soft_threshold_released_(at::Tensor& importance, double kappa);

}  // namespace codyra
