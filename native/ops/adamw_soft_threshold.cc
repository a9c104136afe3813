// m ← β₁m + (1−β₁)g,   v ← β₂v + (1−β₂)g²,   w ← (1−ηλ)w − η·m̂ / (√v̂ + ε)
// w ← T_κ(w)
// AdamW, arXiv:1711.05101, alg. 2; T_κ is soft-thresholding, arXiv:2412.01004, eq. 6 and 7
// One tensor may hold everything that is trained: only elements from `first` on are thresholded.
#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>

#include "checks.h"
#include "processor.h"
#include "soft_threshold.h"
#include "vectorized.h"

namespace codyra {
namespace {

using at::Tensor;

void check_state(const Tensor& parameters, const Tensor& grad, const Tensor& exp_avg,
                 const Tensor& exp_avg_sq, int64_t step, double kappa, int64_t first) {
  constexpr auto name = "codyra::adamw_soft_threshold_";
  const auto check = [&](const char* argument, const Tensor& tensor) {
    TORCH_CHECK(tensor.sym_sizes() == parameters.sym_sizes(), name, ": expected ", argument, " of shape ",
                parameters.sym_sizes(), " (shape of parameters), got ", tensor.sym_sizes(),
                ". Keep one flat tensor for each.");
    check_dtype(name, argument, tensor, "parameters", parameters);
  };
  check("grad", grad);
  check("exp_avg", exp_avg);
  check("exp_avg_sq", exp_avg_sq);
  TORCH_CHECK(step >= 1, name, ": expected step >= 1, got ", step, ". The first step is 1.");
  check_kappa(name, kappa);
  TORCH_CHECK(first == 0 || parameters.is_contiguous(), name,
              ": expected contiguous parameters, because first counts their elements, got strides ",
              parameters.sym_strides(), ". Call contiguous() on them.");
  TORCH_CHECK(first >= 0 && parameters.sym_numel() >= first, name, ": expected first between 0 and ",
              parameters.sym_numel(), " (elements of parameters), got ", first,
              ". It is the position of the first importance weight.");
}

/// The factors of one step that all elements share, in the type it is computed in.
template <typename T>
struct Coefficients {
  T decay;  // 1 − ηλ
  T beta1, beta2;
  T fresh1, fresh2;  // 1 − β
  T step_size;       // η / (1 − β₁ᵗ)
  T root_scale;      // 1 / √(1 − β₂ᵗ)
  T eps;

  Coefficients(int64_t step, double lr, double beta1, double beta2, double eps, double weight_decay)
      : decay(1 - lr * weight_decay),
        beta1(beta1),
        beta2(beta2),
        fresh1(1 - beta1),
        fresh2(1 - beta2),
        step_size(lr / (1 - std::pow(beta1, step))),
        root_scale(1 / std::sqrt(1 - std::pow(beta2, step))),
        eps(eps) {}
};

template <typename T>
T soft_threshold(T x, T kappa) {
  return std::abs(x) <= kappa ? T(0) : x - std::copysign(kappa, x);  // NaN stays NaN
}

template <typename T>
T soft_threshold_released(T x, T kappa) {
  x = x > kappa ? x - kappa : x;
  x = x < -kappa ? x + kappa : x;
  return std::abs(x) < kappa ? T(0) : x;
}

// Branch-free apart from `threshold`, which is fixed at compile time, so that the compiler vectorises it.
template <typename scalar_t, typename T, typename Threshold>
CODYRA_VECTORIZED void update(scalar_t* __restrict w, scalar_t* __restrict m, scalar_t* __restrict v,
                              const scalar_t* __restrict g, int64_t count, const Coefficients<T> c,
                              const Threshold threshold, bool asks_ahead) {
  // Memory is asked for some blocks ahead where a core does not foresee four streams at once by itself.
  constexpr int64_t line = 64 / sizeof(scalar_t), short_block = 16 * line, ahead = 4 * short_block;
  const auto block = asks_ahead ? short_block : count;
  for (int64_t start = 0; start < count; start += block) {
    const auto end = std::min(start + block, count);
    for (auto i = start + ahead; asks_ahead && i < std::min(end + ahead, count); i += line) {
      __builtin_prefetch(w + i);
      __builtin_prefetch(m + i);
      __builtin_prefetch(v + i);
      __builtin_prefetch(g + i);
    }
    for (int64_t i = start; i < end; i++) {
      const T grad = g[i];
      const T exp_avg = c.beta1 * T(m[i]) + c.fresh1 * grad;
      const T exp_avg_sq = c.beta2 * T(v[i]) + c.fresh2 * grad * grad;
      const T change = c.step_size * exp_avg / (std::sqrt(exp_avg_sq) * c.root_scale + c.eps);
      w[i] = threshold(c.decay * T(w[i]) - change);
      m[i] = exp_avg;
      v[i] = exp_avg_sq;
    }
  }
}

// Plain ATen, for every device and layout.
void adamw_soft_threshold_(Tensor& parameters, const Tensor& grad, Tensor& exp_avg, Tensor& exp_avg_sq,
                           int64_t step, double lr, double beta1, double beta2, double eps,
                           double weight_decay, double kappa, bool released, int64_t first) {
  check_state(parameters, grad, exp_avg, exp_avg_sq, step, kappa, first);
  const Coefficients<double> c(step, lr, beta1, beta2, eps, weight_decay);
  exp_avg.mul_(c.beta1).add_(grad, c.fresh1);
  exp_avg_sq.mul_(c.beta2).addcmul_(grad, grad, c.fresh2);
  parameters.mul_(c.decay).addcdiv_(exp_avg, exp_avg_sq.sqrt().mul_(c.root_scale).add_(c.eps), -c.step_size);
  if (kappa == 0) return;
  const auto count = parameters.sym_numel() - first;
  auto importance = first == 0 ? parameters : parameters.view_symint({-1}).narrow_symint(0, first, count);
  released ? soft_threshold_released_(importance, kappa) : soft_threshold_(importance, kappa);
}

// Fewer are not worth waking another thread for.
constexpr int64_t elements_per_thread = 1 << 15;

// One pass over contiguous tensors: every element is read and written once.
void adamw_soft_threshold_cpu(Tensor& parameters, const Tensor& grad, Tensor& exp_avg, Tensor& exp_avg_sq,
                              int64_t step, double lr, double beta1, double beta2, double eps,
                              double weight_decay, double kappa, bool released, int64_t first) {
  check_state(parameters, grad, exp_avg, exp_avg_sq, step, kappa, first);
  if (!parameters.is_contiguous() || !grad.is_contiguous() || !exp_avg.is_contiguous() ||
      !exp_avg_sq.is_contiguous()) {
    return adamw_soft_threshold_(parameters, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps,
                                 weight_decay, kappa, released, first);
  }
  AT_DISPATCH_FLOATING_TYPES_AND2(
      at::kBFloat16, at::kHalf, parameters.scalar_type(), "adamw_soft_threshold_", [&] {
        using T = at::opmath_type<scalar_t>;
        const Coefficients<T> coefficients(step, lr, beta1, beta2, eps, weight_decay);
        const T k = kappa;
        // On a Zen 4, asking ahead makes the step a third slower; on an Intel Xeon, a seventh faster.
        static const bool asks_ahead = !is_amd();
        auto *w = parameters.data_ptr<scalar_t>(), *m = exp_avg.data_ptr<scalar_t>(),
             *v = exp_avg_sq.data_ptr<scalar_t>();
        const auto* g = grad.const_data_ptr<scalar_t>();
        const auto run = [&](int64_t begin, int64_t end, auto threshold) {
          if (begin < end) {
            update(w + begin, m + begin, v + begin, g + begin, end - begin, coefficients, threshold,
                   asks_ahead);
          }
        };
        const auto dense = kappa > 0 ? first : parameters.numel();
        at::parallel_for(0, parameters.numel(), elements_per_thread, [&](int64_t begin, int64_t end) {
          run(begin, std::min(end, dense), [](T x) { return x; });
          begin = std::max(begin, dense);
          if (released) run(begin, end, [k](T x) { return soft_threshold_released(x, k); });
          else run(begin, end, [k](T x) { return soft_threshold(x, k); });
        });
      });
}

// An optimiser step has no gradient: refuse what a graph would need, and let graphs notice what changed.
// libtorch's own fallback does neither for an operator that returns nothing.
void step_outside_autograd(const c10::OperatorHandle& op, c10::DispatchKeySet keys,
                           torch::jit::Stack* stack) {
  const auto& arguments = op.schema().arguments();
  std::vector<Tensor> mutated;
  for (size_t i = 0; i < arguments.size(); i++) {
    const auto* alias = arguments[i].alias_info();
    if (!alias || !alias->isWrite()) continue;
    mutated.push_back(torch::jit::peek(*stack, i, arguments.size()).toTensor());
    TORCH_CHECK(!at::GradMode::is_enabled() || !mutated.back().requires_grad(), op.schema().name(),
                ": expected grad mode off, because ", arguments[i].name(),
                " requires grad, got grad mode on. Step inside no_grad.");
  }
  {
    const at::AutoDispatchBelowADInplaceOrView guard;
    op.redispatchBoxed(keys & c10::after_ADInplaceOrView_keyset, stack);
  }
  for (const auto& tensor : mutated) tensor.unsafeGetTensorImpl()->bump_version();
}

}  // namespace

// Returns nothing, as ATen's fused optimisers: with several mutated arguments only such an operator can be
// traced.
TORCH_LIBRARY_FRAGMENT(codyra, m) {
  m.def(
      "adamw_soft_threshold_(Tensor(a!) parameters, Tensor grad, Tensor(b!) exp_avg, Tensor(c!) exp_avg_sq, "
      "*, "
      "int step, float lr, float beta1, float beta2, float eps, float weight_decay, float kappa, "
      "bool released=False, int first=0) -> ()");
}

TORCH_LIBRARY_IMPL(codyra, CPU, m) { m.impl("adamw_soft_threshold_", adamw_soft_threshold_cpu); }

TORCH_LIBRARY_IMPL(codyra, CompositeExplicitAutograd, m) {
  m.impl("adamw_soft_threshold_", adamw_soft_threshold_);
}

TORCH_LIBRARY_IMPL(codyra, Autograd, m) {
  m.impl("adamw_soft_threshold_", torch::CppFunction::makeFromBoxedFunction<&step_outside_autograd>());
}

}  // namespace codyra
