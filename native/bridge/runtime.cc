// Threads, and the end of the process.

#include <ATen/Parallel.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

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

#ifdef __GLIBC__
// Node would give the standard streams back as blocking, to which other programs may be writing too.
void endNow(int status, void*) {
  std::fflush(nullptr);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    const int flags = fcntl(stream, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) != 0) fcntl(stream, F_SETFL, flags & ~O_NONBLOCK);
  }
  _exit(status);
}
#endif

// libtorch's destructors take a tenth of a second to sign off operators that nobody will call again.
Napi::Value endWithoutDestructors(const Napi::CallbackInfo& info) {
#ifdef __GLIBC__
  on_exit(&endNow, nullptr);
#endif
  return info.Env().Undefined();
}

}  // namespace

void exportRuntime(Napi::Object exports) {
  exportFunction<numThreads>(exports, "numThreads");
  exportFunction<setNumThreads>(exports, "setNumThreads");
  exportFunction<endWithoutDestructors>(exports, "endWithoutDestructors");
}

}  // namespace codyra
