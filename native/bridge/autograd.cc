// Gradients and the modes that decide what is recorded.

#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/anomaly_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <memory>

#include "arguments.h"
#include "errors.h"
#include "module.h"

namespace codyra {
namespace {

Napi::Value requiresGrad(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), tensorArgument(info, 0).requires_grad());
}

Napi::Value setRequiresGrad(const Napi::CallbackInfo& info) {
  tensorArgument(info, 0).requires_grad_(
      info[1].ToBoolean());  // unlike set_requires_grad, refuses non-leaves
  return info.Env().Undefined();
}

Napi::Value isLeaf(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), tensorArgument(info, 0).is_leaf());
}

Napi::Value grad(const Napi::CallbackInfo& info) {
  return tensorResult(info, tensorArgument(info, 0).grad());
}

Napi::Value setGrad(const Napi::CallbackInfo& info) {
  const at::Tensor& tensor = tensorArgument(info, 0);
  if (info[1].IsNull()) {
    tensor.mutable_grad() = at::Tensor();
    return info.Env().Undefined();
  }
  const at::Tensor& gradient = tensorArgument(info, 1);
  if (gradient.sizes() != tensor.sizes() || gradient.device() != tensor.device() ||
      gradient.scalar_type() != tensor.scalar_type()) {
    throw std::invalid_argument(c10::str("grad must be like its tensor: expected ", tensor.sizes(), " ",
                                         tensor.dtype(), " on ", tensor.device(), ", got ", gradient.sizes(),
                                         " ", gradient.dtype(), " on ", gradient.device(), "."));
  }
  if (gradient.is_same(tensor))
    throw std::invalid_argument("grad cannot be its own tensor: expected another one. Pass a clone().");
  tensor.mutable_grad() = gradient;
  return info.Env().Undefined();
}

Napi::Value retainGrad(const Napi::CallbackInfo& info) {
  tensorArgument(info, 0).retain_grad();
  return info.Env().Undefined();
}

Napi::Value backward(const Napi::CallbackInfo& info) {
  torch::autograd::backward(tensorListArgument(info, 0), tensorListArgument(info, 1),
                            info[2].ToBoolean().Value(), info[3].ToBoolean(), tensorListArgument(info, 4));
  return info.Env().Undefined();
}

Napi::Value gradients(const Napi::CallbackInfo& info) {
  const auto results = torch::autograd::grad(tensorListArgument(info, 0), tensorListArgument(info, 1),
                                             tensorListArgument(info, 2), info[3].ToBoolean().Value(),
                                             info[4].ToBoolean(), info[5].ToBoolean());
  auto list = Napi::Array::New(info.Env(), results.size());
  for (size_t i = 0; i < results.size(); ++i) list[i] = tensorResult(info, results[i]);
  return list;
}

Napi::Value isGradEnabled(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), c10::GradMode::is_enabled());
}

Napi::Value setGradEnabled(const Napi::CallbackInfo& info) {
  const bool before = c10::GradMode::is_enabled();
  c10::GradMode::set_enabled(info[0].ToBoolean());
  return Napi::Boolean::New(info.Env(), before);
}

std::vector<std::unique_ptr<c10::InferenceMode>>& inferenceModes() {
  thread_local std::vector<std::unique_ptr<c10::InferenceMode>> modes;
  return modes;
}

Napi::Value enterInferenceMode(const Napi::CallbackInfo& info) {
  inferenceModes().push_back(std::make_unique<c10::InferenceMode>());
  return info.Env().Undefined();
}

Napi::Value exitInferenceMode(const Napi::CallbackInfo& info) {
  if (inferenceModes().empty())
    throw std::logic_error("inference mode is not on; expected a call of enterInferenceMode before.");
  inferenceModes().pop_back();
  return info.Env().Undefined();
}

Napi::Value setAnomalyEnabled(const Napi::CallbackInfo& info) {
  const bool before = torch::autograd::AnomalyMode::is_enabled();
  torch::autograd::AnomalyMode::set_enabled(info[0].ToBoolean(), /*check_nan=*/true);
  return Napi::Boolean::New(info.Env(), before);
}

}  // namespace

void exportAutograd(Napi::Object exports) {
  exportFunction<requiresGrad>(exports, "requiresGrad");
  exportFunction<setRequiresGrad>(exports, "setRequiresGrad");
  exportFunction<isLeaf>(exports, "isLeaf");
  exportFunction<grad>(exports, "grad");
  exportFunction<setGrad>(exports, "setGrad");
  exportFunction<retainGrad>(exports, "retainGrad");
  exportFunction<backward>(exports, "backward");
  exportFunction<gradients>(exports, "gradients");
  exportFunction<isGradEnabled>(exports, "isGradEnabled");
  exportFunction<setGradEnabled>(exports, "setGradEnabled");
  exportFunction<enterInferenceMode>(exports, "enterInferenceMode");
  exportFunction<exitInferenceMode>(exports, "exitInferenceMode");
  exportFunction<setAnomalyEnabled>(exports, "setAnomalyEnabled");
}

}  // namespace codyra
