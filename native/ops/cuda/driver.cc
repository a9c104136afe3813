#include "driver.h"

#include <ATen/Context.h>
#include <ATen/DynamicLibrary.h>
#include <c10/util/Exception.h>

#include <dlfcn.h>

#include <filesystem>
#include <string>

namespace codyra::cuda {
namespace {

// Leaked: kernels are still in use when static objects are destroyed.
at::DynamicLibrary& load(const std::string& name, const char* remedy) {
  try {
    return *new at::DynamicLibrary(name.c_str(), nullptr, /*leak_handle=*/true);
  } catch (const c10::Error& error) {
    TORCH_CHECK(false, "CUDA kernels: expected to load ", name, ", got ", error.what_without_backtrace(),
                ". ", remedy);
  }
}

template <typename Function>
void find(at::DynamicLibrary& library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(library.sym(name));
}

Driver load_driver() {
  auto& library = load("libcuda.so.1", "Install the NVIDIA driver, or use the device cpu.");
  Driver driver;
  find(library, "cuGetErrorString", driver.get_error_string);
  find(library, "cuDeviceGet", driver.device_get);
  find(library, "cuDeviceGetAttribute", driver.device_get_attribute);
  find(library, "cuDevicePrimaryCtxRetain", driver.primary_context_retain);
  find(library, "cuCtxGetCurrent", driver.context_get_current);
  find(library, "cuCtxSetCurrent", driver.context_set_current);
  find(library, "cuModuleLoadData", driver.module_load_data);
  find(library, "cuModuleGetFunction", driver.module_get_function);
  find(library, "cuLaunchKernel", driver.launch_kernel);
  find(library, "cuThreadExchangeStreamCaptureMode", driver.exchange_capture_mode);
  return driver;
}

// NVRTC opens its second library by name alone, which finds it in no wheel: one that is loaded already is
// found by its name.
void load_builtins(const Nvrtc& nvrtc) {
  Dl_info info;
  int major = 0, minor = 0;
  if (dladdr(reinterpret_cast<void*>(nvrtc.version), &info) == 0 ||
      nvrtc.version(&major, &minor) != NVRTC_SUCCESS)
    return;
  const auto name = "libnvrtc-builtins.so." + std::to_string(major) + "." + std::to_string(minor);
  dlopen(std::filesystem::path(info.dli_fname).replace_filename(name).c_str(), RTLD_LAZY);
}

// The version of libtorch's CUDA, whose compiler libtorch_cuda has loaded. This build's cuda.h may differ.
long cuda_major() {
  const long version = at::globalContext().versionCUDART();
  return (version > 0 ? version : CUDA_VERSION) / 1000;
}

Nvrtc load_nvrtc() {
  auto& library =
      load("libnvrtc.so." + std::to_string(cuda_major()), "It comes with torch: run `npm run setup` again.");
  Nvrtc nvrtc;
  find(library, "nvrtcGetErrorString", nvrtc.get_error_string);
  find(library, "nvrtcVersion", nvrtc.version);
  find(library, "nvrtcCreateProgram", nvrtc.create_program);
  find(library, "nvrtcDestroyProgram", nvrtc.destroy_program);
  find(library, "nvrtcCompileProgram", nvrtc.compile_program);
  find(library, "nvrtcGetProgramLogSize", nvrtc.get_program_log_size);
  find(library, "nvrtcGetProgramLog", nvrtc.get_program_log);
  find(library, "nvrtcGetCUBINSize", nvrtc.get_cubin_size);
  find(library, "nvrtcGetCUBIN", nvrtc.get_cubin);
  load_builtins(nvrtc);
  return nvrtc;
}

}  // namespace

const Driver& driver() {
  static const Driver loaded = load_driver();
  return loaded;
}

const Nvrtc& nvrtc() {
  static const Nvrtc loaded = load_nvrtc();
  return loaded;
}

void check(CUresult result, const char* what) {
  if (result == CUDA_SUCCESS) return;
  const char* message = "an unknown error";
  driver().get_error_string(result, &message);
  TORCH_CHECK(false, "CUDA kernels: expected to ", what, ", got error ", static_cast<int>(result), " (",
              message, "). Run again with CUDA_LAUNCH_BLOCKING=1 to see which call was the first to fail.");
}

void check(nvrtcResult result, const char* what) {
  TORCH_CHECK(result == NVRTC_SUCCESS, "CUDA kernels: expected to ", what, ", got ",
              nvrtc().get_error_string(result), ". Run `npm run setup` again, or use the device cpu.");
}

}  // namespace codyra::cuda
