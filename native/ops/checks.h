// Argument checks shared by the operators: what was expected, what came, what to do.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace codyra {

/// Throws unless `tensor` has the dtype of `reference`.
void check_dtype(const char* op, const char* name, const at::Tensor& tensor, const char* reference_name,
                 const at::Tensor& reference);

/// Throws unless kappa is a number >= 0.
void check_kappa(const char* op, double kappa);

/// Throws unless lora_a [P, r, k], lora_b [P, d, r] and importance [P, r] fit weight [P·d, k] in shape and
/// dtype. A single projection (`stacked` false) has no leading P.
void check_factors(const char* op, bool stacked, const at::Tensor& weight, const at::Tensor& lora_a,
                   const at::Tensor& lora_b, const at::Tensor& importance);

/// Throws unless there is one of each for every layer, and those of a layer fit as check_factors says,
/// stacked.
void check_layers(const char* op, at::TensorList weights, at::TensorList lora_a, at::TensorList lora_b,
                  at::TensorList importance);

/// Throws where elements of the weight share memory with each other, or with what is read while it changes.
void check_writable(const char* op, const at::Tensor& weight, at::TensorList read);

/// Throws where two weights share memory: merged at once, one would undo the other's change.
void check_distinct(const char* op, at::TensorList weights);

/// Throws unless x [..., k] and bias [P·d] fit weight [P·d, k] in shape and dtype. Beside a float weight they
/// may be of 16 bits.
void check_input(const char* op, const at::Tensor& x, const at::Tensor& weight,
                 const std::optional<at::Tensor>& bias);

/// Throws unless the effective weight has the shape of weight and the dtype of x.
void check_effective(const char* op, const at::Tensor& effective, const at::Tensor& weight,
                     const at::Tensor& x);

}  // namespace codyra
