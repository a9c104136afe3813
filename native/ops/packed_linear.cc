// y = x·Wᵀ + bias for weights that stay as they are, laid out once as the product reads them: for inference.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>

#include "onednn.h"

namespace codyra {
namespace {

using at::Tensor;

/// The weight [d, k] in `dtype`: packed where oneDNN multiplies it faster than ATen does, else as it is.
Tensor pack_linear_weight(const Tensor& weight, int64_t rows, std::optional<at::ScalarType> dtype) {
  constexpr auto name = "codyra::pack_linear_weight";
  TORCH_CHECK(weight.dim() == 2, name, ": expected weight [out_features, in_features], got ", weight.sizes(),
              ". Pass the matrix of a linear layer.");
  TORCH_CHECK(rows > 0, name, ": expected rows > 0, got ", rows, ". Pass about as many as x will have.");
  const auto converted = weight.detach().to(dtype.value_or(weight.scalar_type())).contiguous();
  const bool is_float = converted.scalar_type() == at::kFloat;
  const bool is_suited = weight.device().is_cpu() && weight.numel() > 0 &&
                         (is_float ? is_onednn_faster() : converted.scalar_type() == at::kBFloat16);
  if (!is_suited || !has_onednn()) return converted;
  const at::NoGradGuard guard;
  return onednn_packed(converted, rows);
}

/// x [..., k] in any dtype, packed from pack_linear_weight, bias [d] in that dtype.
Tensor packed_linear(const Tensor& x, const Tensor& packed, const std::optional<Tensor>& bias) {
  constexpr auto name = "codyra::packed_linear";
  TORCH_CHECK(x.dim() >= 1 && packed.dim() == 2 && x.size(-1) == packed.size(1), name,
              ": expected x [..., in_features] for a weight ", packed.sizes(), ", got x ", x.sizes(),
              ". Pass the activations this layer was made for.");
  TORCH_CHECK(!bias || (bias->dim() == 1 && bias->size(0) == packed.size(0)), name, ": expected bias [",
              packed.size(0), "] (out_features of the weight), got ",
              bias ? bias->sizes() : at::IntArrayRef(), ". Take both from one layer.");
  TORCH_CHECK(!bias || bias->scalar_type() == packed.scalar_type(), name, ": expected bias of dtype ",
              packed.scalar_type(), " (dtype of the weight), got ",
              bias ? bias->scalar_type() : packed.scalar_type(), ". Convert one of them.");
  TORCH_CHECK(!at::GradMode::is_enabled() || !x.requires_grad(), name,
              ": expected x without a gradient, got one that requires it. Use linear for training.");
  // The dtype of the weight decides, not a surrounding autocast.
  const c10::impl::ExcludeDispatchKeyGuard guard(c10::autocast_dispatch_keyset);
  const auto input = x.to(packed.scalar_type());
  return packed.is_mkldnn() ? onednn_linear(input.contiguous(), packed, bias)
                            : at::linear(input, packed, bias);
}

}  // namespace

// Composite: whichever way the weight is laid out, one function answers.
TORCH_LIBRARY_FRAGMENT(codyra, m) {
  m.def("pack_linear_weight(Tensor weight, int rows, *, ScalarType? dtype=None) -> Tensor",
        pack_linear_weight);
  m.def("packed_linear(Tensor x, Tensor packed, Tensor? bias) -> Tensor", packed_linear);
}

}  // namespace codyra
