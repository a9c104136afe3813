#include "kernel.h"

#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

#include <map>
#include <mutex>

#include "compile.h"
#include "driver.h"

namespace codyra::cuda {
namespace {

const c10::impl::VirtualGuardImpl& guard() {
  static const c10::impl::VirtualGuardImpl cuda(c10::kCUDA);
  return cuda;
}

int attribute(CUdevice_attribute which) {
  CUdevice device;
  check(driver().device_get(&device, guard().getDevice().index()), "find the current device");
  int value = 0;
  check(driver().device_get_attribute(&value, which, device), "read an attribute of the current device");
  return value;
}

// A thread that libtorch has not made a CUDA call in yet has no context; libtorch's own is the device's
// primary one.
void ensure_context() {
  CUcontext context = nullptr;
  check(driver().context_get_current(&context), "read the current context");
  if (context != nullptr) return;
  CUdevice device;
  check(driver().device_get(&device, guard().getDevice().index()), "find the current device");
  check(driver().primary_context_retain(&context, device), "retain the context of the current device");
  check(driver().context_set_current(context), "set the current context");
}

/// Lets this thread load a module while it records a graph: a kernel may be new that did not run in the
/// warm-up.
class CaptureModeRelaxed {
 public:
  CaptureModeRelaxed() { check(driver().exchange_capture_mode(&mode_), "relax the mode of a capture"); }
  ~CaptureModeRelaxed() { driver().exchange_capture_mode(&mode_); }
  CaptureModeRelaxed(const CaptureModeRelaxed&) = delete;

 private:
  CUstreamCaptureMode mode_ = CU_STREAM_CAPTURE_MODE_RELAXED;  // then the one before
};

CUfunction load(const Kernel& kernel) {
  const auto architecture = std::to_string(attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)) +
                            std::to_string(attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR));
  std::vector<std::string> options = {"--gpu-architecture=sm_" + architecture, "--std=c++17"};
  options.insert(options.end(), kernel.options.begin(), kernel.options.end());
  const auto cubin = compile(kernel.name, options);
  const CaptureModeRelaxed relaxed;
  CUmodule loaded;
  check(driver().module_load_data(&loaded, cubin.data()), "load a compiled kernel");
  CUfunction function;
  check(driver().module_get_function(&function, loaded, kernel.name.c_str()), "find a kernel in its module");
  return function;
}

/// Loaded once for each device.
CUfunction function_of(const Kernel& kernel) {
  static std::mutex mutex;
  static std::map<std::string, CUfunction> functions;
  auto key = std::to_string(guard().getDevice().index()) + ' ' + kernel.name;
  for (const auto& option : kernel.options) key += ' ' + option;
  const std::lock_guard<std::mutex> lock(mutex);
  auto& function = functions[key];
  if (function == nullptr) function = load(kernel);
  return function;
}

}  // namespace

std::string type_option(const char* macro, c10::ScalarType dtype) {
  const auto type = [dtype] {
    switch (dtype) {
      case c10::kFloat: return "float";
      case c10::kDouble: return "double";
      case c10::kBFloat16: return "bfloat16";
      case c10::kHalf: return "half";
      default:
        TORCH_CHECK(false, "CUDA kernels: expected a floating-point dtype, got ", dtype,
                    ". Convert the tensor.");
    }
  };
  return std::string("-D") + macro + '=' + type();
}

unsigned resident_blocks() {
  return attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT) *
         attribute(CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR) / 256;
}

void launch_kernel(const Kernel& kernel, unsigned blocks, unsigned threads, void** arguments) {
  ensure_context();
  const auto stream = guard().getStream(guard().getDevice());
  check(driver().launch_kernel(function_of(kernel), blocks, 1, 1, threads, 1, 1, /*sharedMemBytes=*/0,
                               static_cast<CUstream>(stream.native_handle()), arguments, /*extra=*/nullptr),
        "launch a kernel");
}

}  // namespace codyra::cuda
