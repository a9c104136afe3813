#include "dense_linear.h"

#include <ATen/ops/linear.h>

#include "onednn.h"

namespace codyra {

using at::Tensor;

// Smaller products cost less than looking up oneDNN's plan for them.
constexpr int64_t worthwhile = 1 << 24;

// In float32 ATen multiplies with MKL, in 16 bits with oneDNN.
Tensor dense_linear(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias) {
  static const bool by_onednn = is_onednn_faster() && has_onednn();
  const bool is_suited = x.device().is_cpu() && x.scalar_type() == at::kFloat && weight.is_contiguous() &&
                         x.numel() * weight.size(0) >= worthwhile;
  return by_onednn && is_suited ? onednn_linear(x, weight, bias) : at::linear(x, weight, bias);
}

}  // namespace codyra
