// y = x·σ(1.702·x), or with a gradient g its backward g·σ·(1 + 1.702·x·(1 − σ)). SCALAR is the type of the
// tensors.
#include "numeric.cuh"

using namespace codyra::cuda;

using T = OpMath<SCALAR>::type;

__device__ SCALAR forward(SCALAR x) {
  const T value = to_opmath(x);
  SCALAR result;
  from_opmath(value / (1 + exp(T(-1.702) * value)), result);
  return result;
}

__device__ SCALAR backward(SCALAR g, SCALAR x) {
  T scaled = T(1.702) * to_opmath(x);
  // σ·(1 − σ) is zero there, but times infinity it would be NaN. NaN itself stays.
  scaled = scaled < T(-800) ? T(-800) : scaled > T(800) ? T(800) : scaled;
  const T sigmoid = 1 / (1 + exp(-scaled));
  SCALAR result;
  from_opmath(to_opmath(g) * sigmoid * (1 + scaled * (1 - sigmoid)), result);
  return result;
}

/// `grad` is null for the forward.
extern "C" __global__ void quick_gelu(const SCALAR* x, const SCALAR* grad, SCALAR* result, long long count) {
  const long long thread = blockIdx.x * static_cast<long long>(blockDim.x) + threadIdx.x;
  const long long threads = static_cast<long long>(gridDim.x) * blockDim.x;

  using Elements = Pack<SCALAR>;
  const bool is_packed = is_aligned(x) && is_aligned(result) && (grad == nullptr || is_aligned(grad));
  const long long packs = is_packed ? count / Elements::size : 0;
  for (long long p = thread; p < packs; p += threads) {
    const Elements values = reinterpret_cast<const Elements*>(x)[p];
    Elements results;
    if (grad == nullptr) {
#pragma unroll
      for (int e = 0; e < Elements::size; e++) results.at[e] = forward(values.at[e]);
    } else {
      const Elements grads = reinterpret_cast<const Elements*>(grad)[p];
#pragma unroll
      for (int e = 0; e < Elements::size; e++) results.at[e] = backward(grads.at[e], values.at[e]);
    }
    reinterpret_cast<Elements*>(result)[p] = results;
  }
  for (long long i = packs * Elements::size + thread; i < count; i += threads) {
    result[i] = grad == nullptr ? forward(x[i]) : backward(grad[i], x[i]);
  }
}
