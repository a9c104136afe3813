// Threads.

#include <ATen/Parallel.h>

#include "arguments.h"
#include "errors.h"
#include "module.h"

namespace codyra {
namespace {

Napi::Value numThreads(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), at::get_num_threads());
}

Napi::Value setNumThreads(const Napi::CallbackInfo& info) {
  const double threads = numberOrNaN(info[0]);
  if (!(threads >= 1 && threads <= 4096) || threads != static_cast<int>(threads)) {
    throw std::invalid_argument("expected a number of threads from 1 to 4096, got " + c10::str(threads) +
                                ".");
  }
  at::set_num_threads(static_cast<int>(threads));
  return info.Env().Undefined();
}

}  // namespace

void exportRuntime(Napi::Object exports) {
  exportFunction<numThreads>(exports, "numThreads");
  exportFunction<setNumThreads>(exports, "setNumThreads");
}

}  // namespace codyra
