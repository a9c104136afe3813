#include "below_autograd.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>

#include <algorithm>

namespace codyra {
namespace {

// A tensor without metadata of autograd neither requires a gradient, nor carries a tangent, nor is a view
// that is tracked.
bool concernsAutograd(const c10::IValue& argument) {
  if (argument.isTensor()) {
    const at::Tensor& tensor = argument.toTensor();
    return tensor.defined() && tensor.unsafeGetTensorImpl()->autograd_meta() != nullptr;
  }
  return argument.isList() &&
         std::any_of(argument.toListRef().begin(), argument.toListRef().end(), concernsAutograd);
}

bool isView(const c10::IValue& result) {
  if (result.isTensor()) {
    const at::Tensor& tensor = result.toTensor();
    return tensor.defined() && tensor.has_storage() && tensor.storage().use_count() != 1;
  }
  return result.isList() && std::any_of(result.toListRef().begin(), result.toListRef().end(), isView);
}

}  // namespace

bool canSkipAutograd(const Operator& op, const torch::jit::Stack& arguments) {
  return op.isFunctional && std::none_of(arguments.begin(), arguments.end(), concernsAutograd);
}

bool callBelowAutograd(Operator& op, torch::jit::Stack& stack) {
  const at::AutoDispatchBelowADInplaceOrView guard;
  op.handle.callBoxed(stack);
  // Schemas of some composite operators, such as meshgrid, do not announce their views.
  op.isFunctional = std::none_of(stack.begin(), stack.end(), isView);
  return op.isFunctional;
}

}  // namespace codyra
