#pragma once

#include "skinny_gradients.h"

namespace codyra {

/// Whether skinny_products_by_sixteens computes such products, and faster than a library does.
bool are_sixteens_faster(at::ScalarType dtype, const c10::SymInt& rank);

/// As skinny_products, on a CPU. All are of the dtype float32, and the rank is a multiple of 16.
SkinnyProducts skinny_products_by_sixteens(const at::Tensor& grads, const at::Tensor& x,
                                           const at::Tensor& lora_a, const at::Tensor& lora_b, bool need_s,
                                           bool need_t);

}  // namespace codyra
