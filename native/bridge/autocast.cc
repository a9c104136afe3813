// Automatic casting: a state of the thread, one for each type of device.

#include "../autocast.h"

#include "arguments.h"
#include "errors.h"
#include "module.h"
#include "names.h"

namespace codyra {
namespace {

using at::autocast::get_autocast_dtype;
using at::autocast::is_autocast_enabled;

// The dtype that operators on a device are cast to, or null.
Napi::Value dtypeOn(Napi::Env env, c10::DeviceType device) {
  if (!is_autocast_enabled(device)) return env.Null();
  return Napi::String::New(env, scalarTypeName(get_autocast_dtype(device)));
}

void setDtypeOn(c10::DeviceType device, const Napi::Value& dtype) {
  if (dtype.IsNull()) return at::autocast::set_autocast_enabled(device, false);
  at::autocast::set_autocast_dtype(device, parseScalarType(dtype.ToString()));
  at::autocast::set_autocast_enabled(device, true);
}

Napi::Value autocastDtype(const Napi::CallbackInfo& info) {
  return dtypeOn(info.Env(), c10::Device(textArgument(info, 0)).type());
}

// Begins a scope in which operators on a device are cast to a dtype, or with null are not; returns the dtype
// before.
Napi::Value enterAutocast(const Napi::CallbackInfo& info) {
  const auto device = c10::Device(textArgument(info, 0)).type();
  const Napi::Value before = dtypeOn(info.Env(), device);
  if (!info[1].IsNull()) {
    const auto dtype = parseScalarType(textArgument(info, 1));
    if (dtype != c10::kBFloat16 && dtype != c10::kHalf) {
      throw std::invalid_argument("expected dtype bfloat16 or float16, got " + scalarTypeName(dtype) +
                                  ". Leave autocast out for others.");
    }
  }
  setDtypeOn(device, info[1]);
  at::autocast::increment_nesting();
  return before;
}

Napi::Value exitAutocast(const Napi::CallbackInfo& info) {
  setDtypeOn(c10::Device(textArgument(info, 0)).type(), info[1]);
  // Casts of weights are kept until here; afterwards an optimiser may change the weights.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  return info.Env().Undefined();
}

}  // namespace

void exportAutocast(Napi::Object exports) {
  exportFunction<autocastDtype>(exports, "autocastDtype");
  exportFunction<enterAutocast>(exports, "enterAutocast");
  exportFunction<exitAutocast>(exports, "exitAutocast");
}

}  // namespace codyra
