#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace codyra {

/// Whether libtorch has the operators by which torch.compile calls oneDNN. They are no public interface.
bool has_onednn();

/// Whether oneDNN multiplies float32 faster than MKL on this processor.
bool is_onednn_faster();

/// y = x·Wᵀ + bias by oneDNN. x [..., k], weight [d, k] or packed, bias [d], all of one dtype.
at::Tensor onednn_linear(const at::Tensor& x, const at::Tensor& weight,
                         const std::optional<at::Tensor>& bias);

/// A weight [d, k] in the layout that oneDNN reads fastest where x has about so many rows.
at::Tensor onednn_packed(const at::Tensor& weight, int64_t rows);

}  // namespace codyra
