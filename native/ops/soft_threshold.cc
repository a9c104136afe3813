// T_κ(x) = x − sign(x)·κ   if |x| > κ,   else 0
// arXiv:2412.01004, eq. 7 (its printed plus sign is an erratum)
#include "soft_threshold.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/where.h>
#include <torch/library.h>

#include "checks.h"

namespace codyra {

using at::Tensor;

Tensor& soft_threshold_(Tensor& importance, double kappa) {
  check_kappa("codyra::soft_threshold_", kappa);
  // T_κ(x) = x − min(max(x, −κ), κ), in two passes. In 16 bits κ would be rounded, and a graph would need x
  // as it was.
  const bool is_wide = importance.scalar_type() == at::kFloat || importance.scalar_type() == at::kDouble;
  const bool is_recorded = at::GradMode::is_enabled() && importance.requires_grad();
  if (is_wide && !is_recorded) return importance.sub_(importance.clamp(-kappa, kappa));
  return importance.copy_(
      importance.sub(importance.sign(), kappa).masked_fill(importance.abs().le(kappa), 0));
}

// Three assignments that act on each other's results: what was shrunk below κ by the first two, the third
// sets to zero.
Tensor& soft_threshold_released_(Tensor& importance, double kappa) {
  check_kappa("codyra::soft_threshold_released_", kappa);
  auto x = at::where(importance.gt(kappa), importance.sub(kappa), importance);
  x = at::where(x.lt(-kappa), x.add(kappa), x);
  return importance.copy_(x.masked_fill(x.abs().lt(kappa), 0));
}

// Composite: gradient, version counter, meta and every device follow from ATen.
TORCH_LIBRARY_FRAGMENT(codyra, m) {
  m.def("soft_threshold_(Tensor(a!) importance, float kappa) -> Tensor(a!)", soft_threshold_);
  m.def("soft_threshold_released_(Tensor(a!) importance, float kappa) -> Tensor(a!)",
        soft_threshold_released_);
}

}  // namespace codyra
