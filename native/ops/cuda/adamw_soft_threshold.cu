// AdamW over all parameters, then T_κ over those from `first` on; the equations are in
// ../adamw_soft_threshold.cc. SCALAR is the type of the tensors.
#include "adamw_soft_threshold.cuh"
#include "numeric.cuh"

using namespace codyra::cuda;

using T = OpMath<SCALAR>::type;

/// The factors of one step that all elements share.
struct Coefficients {
  T decay;  // 1 − ηλ
  T beta1, beta2;
  T fresh1, fresh2;  // 1 − β
  T step_size;       // η / (1 − β₁ᵗ)
  T root_scale;      // 1 / √(1 − β₂ᵗ)
  T eps;
  T kappa;
};

// In double precision, because 1 − β₂ᵗ loses half of a float's digits at first.
__device__ Coefficients coefficients_of(const Schedule& schedule, const AdamW& options) {
  return {static_cast<T>(1 - schedule.lr * options.weight_decay),
          static_cast<T>(options.beta1),
          static_cast<T>(options.beta2),
          static_cast<T>(1 - options.beta1),
          static_cast<T>(1 - options.beta2),
          static_cast<T>(schedule.lr / (1 - pow(options.beta1, schedule.step))),
          static_cast<T>(1 / sqrt(1 - pow(options.beta2, schedule.step))),
          static_cast<T>(options.eps),
          static_cast<T>(schedule.kappa)};
}

__device__ T soft_threshold(T x, T kappa) {
  if (x > kappa) return x - kappa;
  if (x < -kappa) return x + kappa;
  return x == x ? T(0) : x;  // NaN stays NaN
}

__device__ T soft_threshold_released(T x, T kappa) {
  x = x > kappa ? x - kappa : x;
  x = x < -kappa ? x + kappa : x;
  return x < kappa && x > -kappa ? T(0) : x;
}

__device__ void update(SCALAR& w, SCALAR& m, SCALAR& v, SCALAR g, bool is_importance, bool released,
                       const Coefficients& c) {
  const T grad = to_opmath(g);
  const T exp_avg = c.beta1 * to_opmath(m) + c.fresh1 * grad;
  const T exp_avg_sq = c.beta2 * to_opmath(v) + c.fresh2 * grad * grad;
  T parameter = c.decay * to_opmath(w) - c.step_size * exp_avg / (sqrt(exp_avg_sq) * c.root_scale + c.eps);
  if (is_importance && c.kappa > 0) {
    parameter = released ? soft_threshold_released(parameter, c.kappa) : soft_threshold(parameter, c.kappa);
  }
  from_opmath(parameter, w);
  from_opmath(exp_avg, m);
  from_opmath(exp_avg_sq, v);
}

extern "C" __global__ void adamw_soft_threshold(SCALAR* w, const SCALAR* g, SCALAR* m, SCALAR* v,
                                                long long count, long long first, AdamW options,
                                                Schedule host_schedule, const Schedule* device_schedule) {
  __shared__ Coefficients shared;
  if (threadIdx.x == 0) shared = coefficients_of(device_schedule ? *device_schedule : host_schedule, options);
  __syncthreads();
  const Coefficients c = shared;
  const long long thread = blockIdx.x * static_cast<long long>(blockDim.x) + threadIdx.x;
  const long long threads = static_cast<long long>(gridDim.x) * blockDim.x;

  using Elements = Pack<SCALAR>;
  const bool is_packed = is_aligned(w) && is_aligned(g) && is_aligned(m) && is_aligned(v);
  const long long packs = is_packed ? count / Elements::size : 0;
  for (long long p = thread; p < packs; p += threads) {
    Elements parameters = reinterpret_cast<Elements*>(w)[p];
    Elements averages = reinterpret_cast<Elements*>(m)[p];
    Elements squares = reinterpret_cast<Elements*>(v)[p];
    const Elements grads = reinterpret_cast<const Elements*>(g)[p];
#pragma unroll
    for (int e = 0; e < Elements::size; e++) {
      update(parameters.at[e], averages.at[e], squares.at[e], grads.at[e], p * Elements::size + e >= first,
             options.released, c);
    }
    reinterpret_cast<Elements*>(w)[p] = parameters;
    reinterpret_cast<Elements*>(m)[p] = averages;
    reinterpret_cast<Elements*>(v)[p] = squares;
  }
  for (long long i = packs * Elements::size + thread; i < count; i += threads) {
    update(w[i], m[i], v[i], g[i], i >= first, options.released, c);
  }
}
