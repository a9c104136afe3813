#include "module.h"

#include "call.h"

namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  napi_value call;
  napi_create_function(env, "call", NAPI_AUTO_LENGTH, codyra::call, nullptr, &call);
  exports.Set("call", Napi::Value(env, call));
  codyra::exportLookup(exports);
  codyra::exportTensors(exports);
  codyra::exportAutograd(exports);
  codyra::exportRandom(exports);
  codyra::exportRuntime(exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(codyra, initialize)
