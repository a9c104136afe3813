#pragma once

#include <ATen/core/Tensor.h>

namespace codyra {

/// The products of rank r that the gradients of P stacked adapters are made of. Undefined where not asked for.
struct SkinnyProducts {
  at::Tensor q;  // g·B, [N, P·r], in the dtype of g
  at::Tensor s;  // (g·B)ᵀ·x, [P·r, k], in the dtype of the factors
  at::Tensor t;  // (x·Aᵀ)ᵀ·g by projection, [P, r, d], in the dtype of the factors
};

/// x [N, k], grads [N, P·d] in one dtype; lora_a [P, r, k], lora_b [P, d, r] in that or a wider one.
SkinnyProducts skinny_products(const at::Tensor& grads, const at::Tensor& x, const at::Tensor& lora_a,
                               const at::Tensor& lora_b, bool need_q, bool need_s, bool need_t);

}  // namespace codyra
