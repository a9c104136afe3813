// Arguments of the kernel in adamw_soft_threshold.cu, as host and device both see them.
#pragma once

namespace codyra::cuda {

struct AdamW {
  double beta1, beta2, eps, weight_decay;
  bool released;  // the published code's thresholding
};

/// What changes from step to step. A captured graph reads it from the device, [3] float64.
struct Schedule {
  double lr, kappa, step;
};

}  // namespace codyra::cuda
