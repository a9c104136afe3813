// adamw_soft_threshold_ with what changes from step to step in a tensor: a captured CUDA graph reads it at
// every replay.
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

namespace codyra {
namespace {

using at::Tensor;
using Step = void(Tensor&, const Tensor&, Tensor&, Tensor&, int64_t, double, double, double, double, double,
                  double, bool, int64_t);

/// `schedule` [3]: lr, kappa and step.
void adamw_soft_threshold_schedule(Tensor& parameters, const Tensor& grad, Tensor& exp_avg,
                                   Tensor& exp_avg_sq, const Tensor& schedule, double beta1, double beta2,
                                   double eps, double weight_decay, bool released, int64_t first) {
  TORCH_CHECK(schedule.sizes() == at::IntArrayRef{3},
              "codyra::adamw_soft_threshold_: expected schedule [3] (lr, kappa, "
              "step), got ",
              schedule.sizes(), ". Stack the three.");
  static const auto update =
      c10::Dispatcher::singleton().findSchemaOrThrow("codyra::adamw_soft_threshold_", "").typed<Step>();
  const Tensor values = schedule.to(at::kCPU, at::kDouble).contiguous();
  const double* value = values.const_data_ptr<double>();
  update.call(parameters, grad, exp_avg, exp_avg_sq, static_cast<int64_t>(value[2]), value[0], beta1, beta2,
              eps, weight_decay, value[1], released, first);
}

}  // namespace

// Composite: devices other than CUDA read the tensor and go on with the operator that takes numbers.
TORCH_LIBRARY_FRAGMENT(codyra, m) {
  m.def(
      "adamw_soft_threshold_.schedule(Tensor(a!) parameters, Tensor grad, Tensor(b!) exp_avg, Tensor(c!) "
      "exp_avg_sq, Tensor schedule, *, float beta1, float beta2, float eps, float weight_decay, bool released=False, "
      "int first=0) -> ()",
      adamw_soft_threshold_schedule);
}

}  // namespace codyra
