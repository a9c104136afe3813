// Whether numbers are small enough to compute with, looked up on a thread of its own while JavaScript goes
// on.

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <bit>
#include <future>
#include <limits>

#include "../ops/vectorized.h"
#include "arguments.h"
#include "errors.h"
#include "externals.h"
#include "module.h"

namespace codyra {
namespace {

// Without their sign, floats are in the order of their bits: infinity and then NaN above all numbers.
template <typename Bits>
[[gnu::always_inline]] inline Bits largestMagnitude(const void* data, int64_t count) {
  constexpr Bits withoutSign = std::numeric_limits<Bits>::max() >> 1;
  const auto* bits = static_cast<const Bits*>(data);
  Bits largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    const Bits magnitude = bits[i] & withoutSign;
    largest = std::max(largest, magnitude);
  }
  return largest;
}

CODYRA_VECTORIZED uint16_t largest16(const void* data, int64_t count) {
  return largestMagnitude<uint16_t>(data, count);
}
CODYRA_VECTORIZED uint32_t largest32(const void* data, int64_t count) {
  return largestMagnitude<uint32_t>(data, count);
}
CODYRA_VECTORIZED uint64_t largest64(const void* data, int64_t count) {
  return largestMagnitude<uint64_t>(data, count);
}

constexpr uint16_t kLargestHalf = 0x7bff;

// False for NaN. Other dtypes than floats hold no number that is too large.
bool isWithin(const at::Tensor& tensor, double most) {
  const void* data = tensor.const_data_ptr();
  const int64_t count = tensor.numel();
  const auto most32 = std::bit_cast<uint32_t>(static_cast<float>(most));
  switch (tensor.scalar_type()) {
    case at::kDouble: return largest64(data, count) <= std::bit_cast<uint64_t>(most);
    case at::kFloat: return largest32(data, count) <= most32;
    case at::kBFloat16: return largest16(data, count) <= most32 >> 16;  // the upper half of a float
    case at::kHalf:
      return largest16(data, count) <= std::min(c10::Half(static_cast<float>(most)).x, kLargestHalf);
    default: return true;
  }
}

using Check = std::future<int64_t>;

// The index of the first tensor with a number beyond, or -1.
int64_t firstBeyond(const std::vector<at::Tensor>& tensors, double most) {
  const auto found = std::find_if_not(tensors.begin(), tensors.end(),
                                      [most](const at::Tensor& tensor) { return isWithin(tensor, most); });
  return found == tensors.end() ? -1 : found - tensors.begin();
}

Napi::Value beginMagnitudeCheck(const Napi::CallbackInfo& info) {
  std::vector<at::Tensor> tensors = tensorListArgument(info, 0);
  const double most = numberOrNaN(info[1]);
  if (!(most > 0)) throw std::invalid_argument("expected the largest magnitude, a number above 0.");
  for (at::Tensor& tensor : tensors) {
    if (!tensor.defined() || !tensor.device().is_cpu() || tensor.layout() != at::kStrided)
      throw std::invalid_argument("expected dense tensors on the CPU.");
    if (!tensor.is_non_overlapping_and_dense()) tensor = tensor.contiguous();
  }
  auto check = std::make_unique<Check>(std::async(
      std::launch::async, [tensors = std::move(tensors), most] { return firstBeyond(tensors, most); }));
  return externalResult(info, std::move(check), std::default_delete<Check>());  // which waits for the thread
}

Napi::Value endMagnitudeCheck(const Napi::CallbackInfo& info) {
  auto& check = externalArgument<Check>(info, 0, "a check from beginMagnitudeCheck");
  if (!check.valid()) throw std::invalid_argument("expected a check that has not ended.");
  return Napi::Number::New(info.Env(), static_cast<double>(check.get()));
}

}  // namespace

void exportMagnitudes(Napi::Object exports) {
  exportFunction<beginMagnitudeCheck>(exports, "beginMagnitudeCheck");
  exportFunction<endMagnitudeCheck>(exports, "endMagnitudeCheck");
}

}  // namespace codyra
