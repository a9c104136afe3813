#include "module.h"

#include "call.h"
#include "cpu_allocator.h"

namespace {

void exportHot(Napi::Object exports, const char* name, napi_callback callback) {
  napi_value function;
  const napi_status status =
      napi_create_function(exports.Env(), name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  NAPI_THROW_IF_FAILED_VOID(exports.Env(), status);
  exports.Set(name, Napi::Value(exports.Env(), function));
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  codyra::installCpuAllocator();
  exportHot(exports, "call", codyra::call);
  exportHot(exports, "release", codyra::release);
  codyra::exportLookup(exports);
  codyra::exportTensors(exports);
  codyra::exportAutograd(exports);
  codyra::exportAutocast(exports);
  codyra::exportRandom(exports);
  codyra::exportRuntime(exports);
  codyra::exportMagnitudes(exports);
  codyra::exportCuda(exports);
  codyra::exportCudaGraph(exports);
  codyra::exportArchive(exports);
  codyra::exportImages(exports);
  codyra::exportStore(exports);
  codyra::exportDistributed(exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(codyra, initialize)
