#include "dense_linear.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>
#include <torch/library.h>

#include "../autocast.h"
#include "onednn.h"

namespace codyra {

using at::Tensor;

namespace {

// Smaller products cost less than looking up oneDNN's plan for them.
constexpr int64_t worthwhile = 1 << 24;

bool has_gradient(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias) {
  return at::GradMode::is_enabled() &&
         (x.requires_grad() || weight.requires_grad() || (bias && bias->requires_grad()));
}

/// y = x·Wᵀ + bias by whichever library is faster; ATen's own where a gradient or autocast is asked for.
Tensor dense_linear_or_recorded(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias) {
  const bool is_plain = x.device().is_cpu() && x.layout() == at::kStrided && weight.dim() == 2 &&
                        x.scalar_type() == weight.scalar_type() && !has_gradient(x, weight, bias) &&
                        !at::autocast::is_autocast_enabled(at::kCPU);
  return is_plain ? dense_linear(x, weight, bias) : at::linear(x, weight, bias);
}

}  // namespace

// In float32 ATen multiplies with MKL, in 16 bits with oneDNN.
Tensor dense_linear(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias) {
  static const bool by_onednn = is_onednn_faster() && has_onednn();
  const bool is_suited = x.device().is_cpu() && x.scalar_type() == at::kFloat &&
                         (weight.is_contiguous() || weight.t().is_contiguous()) &&
                         x.numel() * weight.size(0) >= worthwhile;
  return by_onednn && is_suited ? onednn_linear(x, weight, bias) : at::linear(x, weight, bias);
}

// Composite: it records nothing, and leaves what has to be recorded to ATen.
TORCH_LIBRARY_FRAGMENT(codyra, m) {
  m.def("dense_linear(Tensor x, Tensor weight, Tensor? bias=None) -> Tensor", dense_linear_or_recorded);
}

}  // namespace codyra
