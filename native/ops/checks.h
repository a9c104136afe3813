// Argument checks shared by the operators: what was expected, what came, what to do.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace codyra {

/// Throws unless `tensor` has the dtype of `reference`.
void check_dtype(const char* op, const char* name, const at::Tensor& tensor,
                 const char* reference_name, const at::Tensor& reference);

/// Throws unless kappa is a number >= 0.
void check_kappa(const char* op, double kappa);

/// Throws unless lora_a [P, r, k], lora_b [P, d, r] and importance [P, r] fit weight [P·d, k] in shape and dtype.
/// A single projection (`stacked` false) has no leading P.
void check_factors(const char* op, bool stacked, const at::Tensor& weight, const at::Tensor& lora_a,
                   const at::Tensor& lora_b, const at::Tensor& importance);

/// Throws unless x [..., k] and bias [P·d] fit weight [P·d, k] in shape and dtype.
void check_input(const char* op, const at::Tensor& x, const at::Tensor& weight,
                 const std::optional<at::Tensor>& bias);

}  // namespace codyra
