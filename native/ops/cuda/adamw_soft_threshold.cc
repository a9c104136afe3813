// adamw_soft_threshold_ on CUDA: one launch for all that is trained. The equations are in
// ../adamw_soft_threshold.cc.
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

#include <algorithm>

#include "../checks.h"
#include "adamw_soft_threshold.cuh"
#include "kernel.h"

namespace codyra {
namespace {

using at::Tensor;

constexpr auto name = "codyra::adamw_soft_threshold_";

void check_tensors(const Tensor& parameters, const Tensor& grad, const Tensor& exp_avg,
                   const Tensor& exp_avg_sq, int64_t first) {
  const auto check = [&](const char* argument, const Tensor& tensor) {
    TORCH_CHECK(tensor.sizes() == parameters.sizes(), name, ": expected ", argument, " of shape ",
                parameters.sizes(), " (shape of parameters), got ", tensor.sizes(),
                ". Keep one flat tensor for each.");
    TORCH_CHECK(tensor.device() == parameters.device(), name, ": expected ", argument, " on ",
                parameters.device(), " (device of parameters), got ", tensor.device(), ". Move one of them.");
    check_dtype(name, argument, tensor, "parameters", parameters);
  };
  check("grad", grad);
  check("exp_avg", exp_avg);
  check("exp_avg_sq", exp_avg_sq);
  TORCH_CHECK(first == 0 || parameters.is_contiguous(), name,
              ": expected contiguous parameters, because first counts their elements, got strides ",
              parameters.strides(), ". Call contiguous() on them.");
  TORCH_CHECK(first >= 0 && first <= parameters.numel(), name, ": expected first between 0 and ",
              parameters.numel(), " (elements of parameters), got ", first,
              ". It is the position of the first importance weight.");
}

/// `schedule` is null where the host knows it.
void launch_update(Tensor& parameters, const Tensor& grad, Tensor& exp_avg, Tensor& exp_avg_sq, int64_t first,
                   const cuda::AdamW& options, const cuda::Schedule& schedule, const void* device_schedule) {
  check_tensors(parameters, grad, exp_avg, exp_avg_sq, first);
  const int64_t count = parameters.numel();
  if (count == 0) return;
  const c10::DeviceGuard guard(parameters.device());
  const Tensor w = parameters.contiguous(), g = grad.contiguous();
  const Tensor m = exp_avg.contiguous(), v = exp_avg_sq.contiguous();
  constexpr unsigned threads = 256;
  const auto blocks = std::min<int64_t>((count + threads - 1) / threads, cuda::resident_blocks());
  cuda::launch({"adamw_soft_threshold", {cuda::type_option("SCALAR", parameters.scalar_type())}},
               static_cast<unsigned>(blocks), threads, w.mutable_data_ptr(), g.const_data_ptr(),
               m.mutable_data_ptr(), v.mutable_data_ptr(), count, first, options, schedule, device_schedule);
  if (!w.is_same(parameters)) parameters.copy_(w);
  if (!m.is_same(exp_avg)) exp_avg.copy_(m);
  if (!v.is_same(exp_avg_sq)) exp_avg_sq.copy_(v);
}

void adamw_soft_threshold_cuda(Tensor& parameters, const Tensor& grad, Tensor& exp_avg, Tensor& exp_avg_sq,
                               int64_t step, double lr, double beta1, double beta2, double eps,
                               double weight_decay, double kappa, bool released, int64_t first) {
  TORCH_CHECK(step >= 1, name, ": expected step >= 1, got ", step, ". The first step is 1.");
  check_kappa(name, kappa);
  launch_update(parameters, grad, exp_avg, exp_avg_sq, first, {beta1, beta2, eps, weight_decay, released},
                {lr, kappa, static_cast<double>(step)}, nullptr);
}

// The device is not asked what the schedule holds: that would end the capture of a graph.
void adamw_soft_threshold_schedule_cuda(Tensor& parameters, const Tensor& grad, Tensor& exp_avg,
                                        Tensor& exp_avg_sq, const Tensor& schedule, double beta1,
                                        double beta2, double eps, double weight_decay, bool released,
                                        int64_t first) {
  TORCH_CHECK(schedule.sizes() == at::IntArrayRef{3} && schedule.scalar_type() == at::kDouble &&
                  schedule.device() == parameters.device() && schedule.is_contiguous(),
              name, ": expected schedule [3] (lr, kappa, step) of dtype Double on ", parameters.device(),
              ", got ", schedule.sizes(), " of dtype ", schedule.scalar_type(), " on ", schedule.device(),
              ". Convert it.");
  TORCH_CHECK(
      !at::GradMode::is_enabled() || !parameters.requires_grad(), name,
      ": expected grad mode off, because parameters requires grad, got grad mode on. Step inside no_grad.");
  launch_update(parameters, grad, exp_avg, exp_avg_sq, first, {beta1, beta2, eps, weight_decay, released}, {},
                schedule.const_data_ptr());
  for (const Tensor& changed : {parameters, exp_avg, exp_avg_sq})
    changed.unsafeGetTensorImpl()->bump_version();
}

}  // namespace

TORCH_LIBRARY_IMPL(codyra, CUDA, m) {
  m.impl("adamw_soft_threshold_", adamw_soft_threshold_cuda);
  m.impl("adamw_soft_threshold_.schedule", adamw_soft_threshold_schedule_cuda);
}

}  // namespace codyra
