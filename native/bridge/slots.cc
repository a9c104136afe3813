#include "slots.h"

#include <cmath>
#include <string>

namespace codyra {

Slots<HeldTensor>& tensors() {
  thread_local Slots<HeldTensor> table;
  return table;
}

Slots<at::Generator>& generators() {
  thread_local Slots<at::Generator> table;
  return table;
}

const char* whyNotLive(Handle handle) {
  if (std::isnan(handle)) return "must be Tensor, not number. Wrap it with tensor(...).";
  if (handle == -2) return "was released when its scope closed. Return it from the scope to keep it.";
  return "was disposed. Use it before dispose().";
}

const at::Tensor& tensorAt(Handle handle) {
  const HeldTensor* held = tensors().find(handle);
  if (std::isnan(handle)) {
    throw StaleHandle("argument must be Tensor, not another kind of value. Wrap numbers with tensor(...).");
  }
  if (held == nullptr) throw StaleHandle(std::string("Tensor ") + whyNotLive(handle));
  return held->tensor;
}

}  // namespace codyra
