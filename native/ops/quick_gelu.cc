// y = x·σ(1.702·x)      the GELU of OpenAI's CLIP, Gaussian Error Linear Units, arXiv:1606.08415, section 2
// dy/dx = σ·(1 + 1.702·x·(1 − σ)),   σ = σ(1.702·x): the backward needs x alone
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/sigmoid.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "checks.h"
#include "vectorized.h"

namespace codyra {
namespace {

using at::Tensor;

constexpr double slope = 1.702;

/// Beyond, σ·(1 − σ) is zero in every dtype, but an infinite scaled x would make it NaN.
constexpr double largest_scaled = 800;

/// eˣ to two units in the last place, without a branch or a call, so that loops over it are vectorised. It is
/// 2ⁿ·eʳ with |r| ≤ ½ ln 2; the minimax polynomial of Cephes (netlib, cephes/single/expf.c) gives eʳ.
inline float exponential(float x) {
  x = x < -87.f ? -87.f : x;
  x = x > 89.f ? 89.f : x;  // infinity
  const float n = std::nearbyint(x * 1.44269504f);
  const float r = x - n * 0.693359375f + n * 2.12194440e-4f;  // ln 2 in two parts: the first product is exact
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float power = std::bit_cast<float>((static_cast<int32_t>(n) + 127) << 23);
  return (p * r * r + r + 1) * power;
}

/// NaN stays NaN.
inline float bounded(float scaled) {
  constexpr auto most = static_cast<float>(largest_scaled);
  scaled = scaled < -most ? -most : scaled;
  return scaled > most ? most : scaled;
}

inline float sigmoid(float x) { return 1 / (1 + exponential(-x)); }

// Through blocks of floats in the nearest cache: a loop that also converts from and to 16 bits is vectorised
// three times worse.
constexpr int64_t block = 256;

template <typename T>
CODYRA_VECTORIZED void forward(const T* __restrict x, T* __restrict y, int64_t count) {
  float values[block];
  for (int64_t start = 0; start < count; start += block) {
    const auto size = std::min(block, count - start);
    for (int64_t i = 0; i < size; i++) values[i] = x[start + i];
    for (int64_t i = 0; i < size; i++) values[i] *= sigmoid(static_cast<float>(slope) * values[i]);
    for (int64_t i = 0; i < size; i++) y[start + i] = values[i];
  }
}

template <typename T>
CODYRA_VECTORIZED void backward(const T* __restrict grad, const T* __restrict x, T* __restrict result,
                                int64_t count) {
  float values[block], grads[block];
  for (int64_t start = 0; start < count; start += block) {
    const auto size = std::min(block, count - start);
    for (int64_t i = 0; i < size; i++) values[i] = x[start + i];
    for (int64_t i = 0; i < size; i++) grads[i] = grad[start + i];
    for (int64_t i = 0; i < size; i++) {
      const float scaled = bounded(static_cast<float>(slope) * values[i]), s = sigmoid(scaled);
      grads[i] *= s * (1 + scaled * (1 - s));
    }
    for (int64_t i = 0; i < size; i++) result[start + i] = grads[i];
  }
}

/// Calls `run(begin, end, type)` on shares of the elements, `type` being a value of the element type.
template <typename Run>
void for_elements(const Tensor& x, const Run& run) {
  constexpr int64_t elements_per_thread = 1 << 15;  // fewer are not worth waking another thread for
  const auto each = [&](auto type) {
    at::parallel_for(0, x.numel(), elements_per_thread,
                     [&](int64_t begin, int64_t end) { run(begin, end, type); });
  };
  AT_DISPATCH_SWITCH(x.scalar_type(), "quick_gelu",
                     AT_DISPATCH_CASE(at::kFloat, [&] { each(scalar_t()); })
                         AT_DISPATCH_CASE(at::kBFloat16, [&] { each(scalar_t()); })
                             AT_DISPATCH_CASE(at::kHalf, [&] { each(scalar_t()); }));
}

// Plain ATen, for every device and dtype.
Tensor quick_gelu(const Tensor& x) { return x.mul(at::sigmoid(x.mul(slope))); }

Tensor quick_gelu_cpu(const Tensor& x) {
  if (x.scalar_type() == at::kDouble) return quick_gelu(x);
  const auto input = x.contiguous();
  auto result = at::empty_like(input);
  for_elements(input, [&]<typename T>(int64_t begin, int64_t end, T) {
    forward(input.const_data_ptr<T>() + begin, result.data_ptr<T>() + begin, end - begin);
  });
  return result;
}

void check_gradient(const Tensor& grad, const Tensor& x) {
  constexpr auto name = "codyra::quick_gelu_backward";
  TORCH_CHECK(grad.sym_sizes() == x.sym_sizes(), name, ": expected grad of shape ", x.sym_sizes(),
              " (shape of x), got ", grad.sym_sizes(), ". Pass the gradient of the result for x.");
  check_dtype(name, "grad", grad, "x", x);
}

Tensor quick_gelu_backward(const Tensor& grad, const Tensor& x) {
  check_gradient(grad, x);
  const auto scaled = x.mul(slope).clamp(-largest_scaled, largest_scaled), s = at::sigmoid(scaled);
  return grad.mul(s).mul(scaled.mul(s.neg().add(1)).add(1));
}

Tensor quick_gelu_backward_cpu(const Tensor& grad, const Tensor& x) {
  if (x.scalar_type() == at::kDouble) return quick_gelu_backward(grad, x);
  check_gradient(grad, x);
  const auto gradient = grad.contiguous(), input = x.contiguous();
  auto result = at::empty_like(input);
  for_elements(input, [&]<typename T>(int64_t begin, int64_t end, T) {
    backward(gradient.const_data_ptr<T>() + begin, input.const_data_ptr<T>() + begin,
             result.data_ptr<T>() + begin, end - begin);
  });
  return result;
}

struct QuickGelu : torch::autograd::Function<QuickGelu> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x) {
    static const auto op = c10::Dispatcher::singleton()
                               .findSchemaOrThrow("codyra::quick_gelu", "")
                               .typed<decltype(quick_gelu)>();
    const at::AutoDispatchBelowADInplaceOrView guard;
    context->save_for_backward({x});
    return op.call(x);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& grads) {
    static const auto op = c10::Dispatcher::singleton()
                               .findSchemaOrThrow("codyra::quick_gelu_backward", "")
                               .typed<decltype(quick_gelu_backward)>();
    return {op.call(grads[0], context->get_saved_variables()[0])};
  }
};

Tensor quick_gelu_autograd(const Tensor& x) { return QuickGelu::apply(x); }

}  // namespace

TORCH_LIBRARY_FRAGMENT(codyra, m) {
  m.def("quick_gelu(Tensor x) -> Tensor");
  m.def("quick_gelu_backward(Tensor grad, Tensor x) -> Tensor");
}

TORCH_LIBRARY_IMPL(codyra, CompositeExplicitAutograd, m) {
  m.impl("quick_gelu", quick_gelu);
  m.impl("quick_gelu_backward", quick_gelu_backward);
}

TORCH_LIBRARY_IMPL(codyra, CPU, m) {
  m.impl("quick_gelu", quick_gelu_cpu);
  m.impl("quick_gelu_backward", quick_gelu_backward_cpu);
}

TORCH_LIBRARY_IMPL(codyra, Autograd, m) {
  m.impl("quick_gelu", quick_gelu_autograd);
  m.impl("quick_gelu_backward", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace codyra
