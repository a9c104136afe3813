// quick_gelu and its backward on CUDA, one pass each. The equations are in ../quick_gelu.cc.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

#include <algorithm>

#include "../checks.h"
#include "kernel.h"

namespace codyra {
namespace {

using at::Tensor;

/// `grad` is null for the forward.
Tensor run(const Tensor& x, const Tensor* grad) {
  const c10::DeviceGuard guard(x.device());
  const Tensor input = x.contiguous(), gradient = grad == nullptr ? Tensor() : grad->contiguous();
  Tensor result = at::empty_like(input);
  const int64_t count = input.numel();
  if (count == 0) return result;
  constexpr unsigned threads = 256;
  const auto blocks = std::min<int64_t>((count + threads - 1) / threads, cuda::resident_blocks());
  const void* gradient_data = grad == nullptr ? nullptr : gradient.const_data_ptr();
  cuda::launch({"quick_gelu", {cuda::type_option("SCALAR", x.scalar_type())}}, static_cast<unsigned>(blocks),
               threads, input.const_data_ptr(), gradient_data, result.mutable_data_ptr(), count);
  return result;
}

Tensor quick_gelu_cuda(const Tensor& x) { return run(x, nullptr); }

Tensor quick_gelu_backward_cuda(const Tensor& grad, const Tensor& x) {
  constexpr auto name = "codyra::quick_gelu_backward";
  TORCH_CHECK(grad.sizes() == x.sizes() && grad.device() == x.device(), name, ": expected grad ", x.sizes(),
              " on ", x.device(), " (as x), got ", grad.sizes(), " on ", grad.device(),
              ". Pass the gradient of the result for x.");
  check_dtype(name, "grad", grad, "x", x);
  return run(x, &grad);
}

}  // namespace

TORCH_LIBRARY_IMPL(codyra, CUDA, m) {
  m.impl("quick_gelu", quick_gelu_cuda);
  m.impl("quick_gelu_backward", quick_gelu_backward_cuda);
}

}  // namespace codyra
