// W_eff = W + B·diag(w)·A for many layers at once      arXiv:2412.01004, eq. 1 and 2
#include "effective_weights.h"

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include "checks.h"

namespace codyra {
namespace {

using at::Tensor;
using at::TensorList;

constexpr auto effective_weights_name = "codyra::effective_weights";

// Plain ATen, for every device.
std::vector<Tensor> effective_weights(TensorList weights, TensorList lora_a, TensorList lora_b,
                                      TensorList importance, std::optional<at::ScalarType> dtype) {
  check_layers(effective_weights_name, weights, lora_a, lora_b, importance);
  std::vector<Tensor> effective;
  for (size_t i = 0; i < weights.size(); i++) {
    const auto shape = {lora_b[i].sym_size(0), lora_b[i].sym_size(1)};
    const auto scaled_b = lora_b[i].mul(importance[i].unsqueeze(1));                           // [P, d, r]
    const auto sum = at::baddbmm(weights[i].unflatten_symint(0, shape), scaled_b, lora_a[i]);  // [P, d, k]
    effective.push_back(sum.flatten(0, 1).to(dtype.value_or(weights[i].scalar_type())));
  }
  return effective;
}

/// Some rows of one projection.
struct Tile {
  Tensor effective, weight, scaled_b, lora_a;
};

// Tiles stay in a core's cache between the product and its conversion, and all layers share the threads.
constexpr int64_t tile_rows = 128;

std::vector<Tensor> effective_weights_cpu(TensorList weights, TensorList lora_a, TensorList lora_b,
                                          TensorList importance, std::optional<at::ScalarType> dtype) {
  check_layers(effective_weights_name, weights, lora_a, lora_b, importance);
  std::vector<Tensor> effective;
  std::vector<Tile> tiles;
  for (size_t i = 0; i < weights.size(); i++) {
    const auto scaled_b = lora_b[i].mul(importance[i].unsqueeze(1)).flatten(0, 1);  // [P·d, r]
    const auto d = lora_b[i].size(1);
    effective.push_back(
        at::empty(weights[i].sizes(), weights[i].options().dtype(dtype.value_or(weights[i].scalar_type()))));
    for (int64_t projection = 0; projection < lora_a[i].size(0); projection++) {
      for (int64_t row = projection * d; row < (projection + 1) * d; row += tile_rows) {
        const auto rows = std::min(tile_rows, (projection + 1) * d - row);
        const auto part = [&](const Tensor& tensor) { return tensor.narrow(0, row, rows); };
        tiles.push_back(
            {part(effective[i]), part(weights[i]), part(scaled_b), lora_a[i].select(0, projection)});
      }
    }
  }
  at::parallel_for(0, tiles.size(), 1, [&](int64_t begin, int64_t end) {
    const at::NoGradGuard no_grad;  // a thread of its own does not inherit the caller's state
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    for (auto i = begin; i < end; i++) {
      auto& [result, weight, scaled_b, a] = tiles[i];
      if (result.scalar_type() == weight.scalar_type()) {
        at::addmm_out(result, weight, scaled_b, a);
      } else {
        result.copy_(at::addmm(weight, scaled_b, a));
      }
    }
  });
  return effective;
}

std::vector<Tensor> call(TensorList weights, TensorList lora_a, TensorList lora_b, TensorList importance,
                         std::optional<at::ScalarType> dtype) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow(effective_weights_name, "")
                             .typed<decltype(effective_weights)>();
  return op.call(weights, lora_a, lora_b, importance, dtype);
}

std::vector<Tensor> effective_weights_below_autograd(TensorList weights, TensorList lora_a, TensorList lora_b,
                                                     TensorList importance,
                                                     std::optional<at::ScalarType> dtype) {
  const at::AutoDispatchBelowADInplaceOrView guard;
  return call(weights, lora_a, lora_b, importance, dtype);
}

}  // namespace

Tensor effective_weight(const Tensor& weight, const Tensor& lora_a, const Tensor& lora_b,
                        const Tensor& importance, at::ScalarType dtype) {
  return call({weight}, {lora_a}, {lora_b}, {importance}, dtype)[0];
}

TORCH_LIBRARY_FRAGMENT(codyra, m) {
  m.def(
      "effective_weights(Tensor[] weights, Tensor[] lora_a, Tensor[] lora_b, Tensor[] importance, *, "
      "ScalarType? dtype=None) -> Tensor[]");
}

TORCH_LIBRARY_IMPL(codyra, CompositeExplicitAutograd, m) { m.impl("effective_weights", effective_weights); }

TORCH_LIBRARY_IMPL(codyra, CPU, m) { m.impl("effective_weights", effective_weights_cpu); }

// The result has no graph: gradients of a layer come from lora_linear_stacked, which takes the result as a
// constant.
TORCH_LIBRARY_IMPL(codyra, Autograd, m) { m.impl("effective_weights", effective_weights_below_autograd); }

}  // namespace codyra
