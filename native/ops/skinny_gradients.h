#pragma once

#include <ATen/core/Tensor.h>

namespace codyra {

/// The products of rank r that the gradients of P stacked adapters are made of, in the dtype of the factors.
/// Undefined where not asked for.
struct SkinnyProducts {
  at::Tensor s;  // (g·B)ᵀ·x by projection, [P, r, k]
  at::Tensor t;  // gᵀ·(x·Aᵀ) by projection, [P, d, r]
};

/// x [N, k], grads [N, P·d] in one dtype; lora_a [P, r, k], lora_b [P, d, r] in that or a wider one.
SkinnyProducts skinny_products(const at::Tensor& grads, const at::Tensor& x, const at::Tensor& lora_a,
                               const at::Tensor& lora_b, bool need_s, bool need_t);

}  // namespace codyra
