// CUDA's driver and its run-time compiler, loaded at their first use: the addon links against neither.
#pragma once

#include <cuda.h>
#include <nvrtc.h>

namespace codyra::cuda {

struct Driver {
  decltype(&::cuGetErrorString) get_error_string;
  decltype(&::cuDeviceGet) device_get;
  decltype(&::cuDeviceGetAttribute) device_get_attribute;
  decltype(&::cuDevicePrimaryCtxRetain) primary_context_retain;
  decltype(&::cuCtxGetCurrent) context_get_current;
  decltype(&::cuCtxSetCurrent) context_set_current;
  decltype(&::cuModuleLoadData) module_load_data;
  decltype(&::cuModuleGetFunction) module_get_function;
  decltype(&::cuLaunchKernel) launch_kernel;
  decltype(&::cuThreadExchangeStreamCaptureMode) exchange_capture_mode;
};

struct Nvrtc {
  decltype(&::nvrtcGetErrorString) get_error_string;
  decltype(&::nvrtcVersion) version;
  decltype(&::nvrtcCreateProgram) create_program;
  decltype(&::nvrtcDestroyProgram) destroy_program;
  decltype(&::nvrtcCompileProgram) compile_program;
  decltype(&::nvrtcGetProgramLogSize) get_program_log_size;
  decltype(&::nvrtcGetProgramLog) get_program_log;
  decltype(&::nvrtcGetCUBINSize) get_cubin_size;
  decltype(&::nvrtcGetCUBIN) get_cubin;
};

/// Both throw, with what to do, where the library cannot be loaded.
const Driver& driver();
const Nvrtc& nvrtc();

/// Throws unless the call succeeded; `what` was being done.
void check(CUresult result, const char* what);
void check(nvrtcResult result, const char* what);

}  // namespace codyra::cuda
