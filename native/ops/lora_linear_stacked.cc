// y = f(x)·W_effᵀ + bias,  W_eff = [W_1 + B_1·diag(w_1)·A_1; …; W_P + B_P·diag(w_P)·A_P]
// arXiv:2412.01004, eq. 1 and 2
//
// With g = dL/dy, and per projection Q = g·B [N, r] and S = Qᵀ·x [r, k]:
//     dx = g·W_eff,   dA = w∘S (rows),   dw = rowsum(A∘S),   dB = gᵀ(x·Aᵀ)∘w (columns)
// No gradient of an adapter takes the d×k elements of its weight.
//
// f is an activation, or nothing. Of both only x is kept: f(x) is computed again in the backward pass. The
// formulas above then have f(x) in place of x.
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/mm.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "../autocast.h"
#include "activation.h"
#include "checks.h"
#include "dense_linear.h"
#include "effective_weights.h"
#include "skinny_gradients.h"

namespace codyra {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
constexpr auto stacked_name = "codyra::lora_linear_stacked";

using Activation = std::optional<std::string_view>;
using Gradients = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>;

template <typename Function>
auto operator_named(const char* op) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(op, "").typed<Function>();
}

Tensor lora_linear_stacked(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias,
                           const Tensor& lora_a, const Tensor& lora_b, const Tensor& importance,
                           const std::optional<Tensor>& effective, Activation activation) {
  check_factors(stacked_name, /*stacked=*/true, weight, lora_a, lora_b, importance);
  check_input(stacked_name, x, weight, bias);
  if (effective) check_effective(stacked_name, *effective, weight, x);
  return dense_linear(
      activation ? activate(x, *activation) : x,
      effective ? *effective : effective_weight(weight, lora_a, lora_b, importance, x.scalar_type()),
      bias);  // [..., P·d]
}

// W_eff is formed again: keeping it would take 490 MB for ViT-B/16. Adding (Q∘w)·A to g·W instead goes
// through dx once more: 2 to 4 ms against 1 (3152×768→3072 and back, float32, 2 threads).
Gradients lora_linear_backward(const Tensor& grad, const Tensor& x, const Tensor& weight,
                               const Tensor& lora_a, const Tensor& lora_b, const Tensor& importance,
                               std::array<bool, 6> output_mask, const std::optional<Tensor>& effective) {
  const auto [need_x, need_weight, need_bias, need_a, need_b, need_importance] = output_mask;
  constexpr auto name = "codyra::lora_linear_backward";
  check_factors(name, /*stacked=*/true, weight, lora_a, lora_b, importance);
  TORCH_CHECK(grad.sym_numel() * weight.sym_size(1) == x.sym_numel() * weight.sym_size(0), name,
              ": expected grad of as many rows as x ", x.sym_sizes(), ", got ", grad.sym_sizes(),
              ". Pass the gradient of this layer's output.");
  const auto inputs = x.reshape_symint({-1, weight.sym_size(1)});    // [N, k]
  const auto grads = grad.reshape_symint({-1, weight.sym_size(0)});  // [N, P·d]
  const auto [s, t] = skinny_products(grads, inputs, lora_a, lora_b, need_a || need_importance, need_b);

  Tensor grad_x, grad_weight, grad_bias, grad_a, grad_b, grad_importance;
  if (need_x) {
    const auto multiplied =
        effective ? *effective : effective_weight(weight, lora_a, lora_b, importance, x.scalar_type());
    grad_x = dense_linear(grads, multiplied.t(), std::nullopt).view_symint(x.sym_sizes());
  }
  if (need_a || need_importance) {
    if (need_importance) grad_importance = lora_a.mul(s).sum(-1);
    if (need_a) grad_a = s.mul(importance.unsqueeze(2));  // [P, r, k]
  }
  if (need_b) grad_b = t.mul(importance.unsqueeze(1));  // [P, d, r]
  if (need_weight) grad_weight = at::mm(grads.t(), inputs).to(weight.scalar_type());
  if (need_bias) grad_bias = grads.sum(0);
  return {grad_x, grad_weight, grad_bias, grad_a, grad_b, grad_importance};
}

struct LoraLinearStacked : torch::autograd::Function<LoraLinearStacked> {
  // bias and effective come last: the edges of the other inputs then keep their number when they are absent.
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, const Tensor& lora_a,
                        const Tensor& lora_b, const Tensor& importance, const std::optional<Tensor>& bias,
                        std::optional<Tensor> effective, Activation activation) {
    static const auto forward_op =
        operator_named<decltype(lora_linear_stacked)>("codyra::lora_linear_stacked");
    const at::AutoDispatchBelowADInplaceOrView guard;
    // The weight that was multiplied with, rounded: its difference to `weight` is not of low rank.
    if (!effective && x.scalar_type() != weight.scalar_type()) {
      check_factors(stacked_name, /*stacked=*/true, weight, lora_a, lora_b, importance);
      effective = effective_weight(weight, lora_a, lora_b, importance, x.scalar_type());
    }
    context->save_for_backward({x, weight, lora_a, lora_b, importance, effective.value_or(Tensor())});
    context->saved_data["has_bias"] = bias && bias->defined();
    if (activation) context->saved_data["activation"] = std::string(*activation);
    return forward_op.call(x, weight, bias, lora_a, lora_b, importance, effective, activation);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    static const auto backward_op =
        operator_named<decltype(lora_linear_backward)>("codyra::lora_linear_backward");
    const auto saved = context->get_saved_variables();
    const bool need_bias = context->saved_data["has_bias"].toBool() && context->needs_input_grad(5);
    const auto effective = saved[5].defined() ? std::make_optional(saved[5]) : std::nullopt;
    const auto found = context->saved_data.find("activation");
    const auto activation = found == context->saved_data.end() ? std::string() : found->second.toStringRef();
    const bool need_input = context->needs_input_grad(1) || context->needs_input_grad(2) ||
                            context->needs_input_grad(3) || context->needs_input_grad(4);
    const auto input = need_input && !activation.empty() ? activate(saved[0], activation) : saved[0];
    auto [x, weight, bias, lora_a, lora_b, importance] = backward_op.call(
        grads[0], input, saved[1], saved[2], saved[3], saved[4],
        {context->needs_input_grad(0), context->needs_input_grad(1), need_bias, context->needs_input_grad(2),
         context->needs_input_grad(3), context->needs_input_grad(4)},
        effective);
    if (!activation.empty() && x.defined()) x = activate_backward(x, saved[0], activation);
    return {x, weight, lora_a, lora_b, importance, bias, Tensor(), Tensor()};
  }
};

Tensor lora_linear_stacked_autograd(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias,
                                    const Tensor& lora_a, const Tensor& lora_b, const Tensor& importance,
                                    const std::optional<Tensor>& effective, Activation activation) {
  return LoraLinearStacked::apply(x, weight, lora_a, lora_b, importance, bias, effective, activation);
}

// Activations are computed in the lower precision; the factors and the weight they are added to stay as they
// are.
Tensor lora_linear_stacked_autocast(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias,
                                    const Tensor& lora_a, const Tensor& lora_b, const Tensor& importance,
                                    const std::optional<Tensor>& effective, Activation activation) {
  static const auto op = operator_named<decltype(lora_linear_stacked)>("codyra::lora_linear_stacked");
  const auto device = x.device().type();
  const c10::impl::ExcludeDispatchKeyGuard guard(c10::autocast_dispatch_keyset);
  const auto cast = [device, dtype = at::autocast::get_autocast_dtype(device)](const Tensor& tensor) {
    return at::autocast::cached_cast(dtype, tensor, device);
  };
  const auto cast_if_given = [&](const std::optional<Tensor>& tensor) {
    return tensor ? std::make_optional(cast(*tensor)) : std::nullopt;
  };
  return op.call(cast(x), weight, cast_if_given(bias), lora_a, lora_b, importance, cast_if_given(effective),
                 activation);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(codyra, m) {
  // `effective` is W_eff as effective_weights forms it, in the dtype of x: where it is at hand, it is not
  // formed again. `activation` is applied to x first.
  m.def(
      "lora_linear_stacked(Tensor x, Tensor weight, Tensor? bias, Tensor lora_a, Tensor lora_b, Tensor "
      "importance, *, "
      "Tensor? effective=None, str? activation=None) -> Tensor");
  m.def(
      "lora_linear_backward(Tensor grad, Tensor x, Tensor weight, Tensor lora_a, Tensor lora_b, Tensor "
      "importance, "
      "bool[6] output_mask, *, Tensor? effective=None) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)");
}

// Plain ATen, so one kernel serves CPU, CUDA and Meta.
TORCH_LIBRARY_IMPL(codyra, CompositeExplicitAutograd, m) {
  m.impl("lora_linear_stacked", lora_linear_stacked);
  m.impl("lora_linear_backward", lora_linear_backward);
}

TORCH_LIBRARY_IMPL(codyra, Autograd, m) {
  m.impl("lora_linear_stacked", lora_linear_stacked_autograd);
  m.impl("lora_linear_backward", torch::autograd::autogradNotImplementedFallback());
}

TORCH_LIBRARY_IMPL(codyra, AutocastCPU, m) { m.impl("lora_linear_stacked", lora_linear_stacked_autocast); }

TORCH_LIBRARY_IMPL(codyra, AutocastCUDA, m) { m.impl("lora_linear_stacked", lora_linear_stacked_autocast); }

}  // namespace codyra
