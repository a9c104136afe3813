// Threads and devices.

#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/Parallel.h>

#include <cmath>

#include "arguments.h"
#include "errors.h"
#include "module.h"

namespace codyra {
namespace {

Napi::Value numThreads(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), at::get_num_threads()); }

Napi::Value setNumThreads(const Napi::CallbackInfo& info) {
  const double threads = info[0].ToNumber().DoubleValue();
  if (!(threads >= 1 && threads <= 4096) || threads != static_cast<int>(threads)) {
    throw std::invalid_argument("expected a number of threads from 1 to 4096, got " + c10::str(threads) + ".");
  }
  at::set_num_threads(static_cast<int>(threads));
  return info.Env().Undefined();
}

int cudaDevices() { return at::hasCUDA() ? at::accelerator::deviceCount() : 0; }

c10::DeviceIndex deviceArgument(const Napi::CallbackInfo& info) {
  const double index = info[0].ToNumber().DoubleValue();
  const int count = cudaDevices();
  if (!(index >= 0 && index < count) || index != std::trunc(index)) {
    throw std::invalid_argument("expected one of " + std::to_string(count) + " CUDA devices, got number " +
                                c10::str(index) + ". Run `codyra doctor` to see the devices.");
  }
  return static_cast<c10::DeviceIndex>(index);
}

Napi::Value hasCuda(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), at::hasCUDA()); }

Napi::Value cudaDeviceCount(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), cudaDevices()); }

Napi::Value cudaMemory(const Napi::CallbackInfo& info) {
  const auto device = deviceArgument(info);
  constexpr size_t kAggregate = 0;  // over the small and large pools
  const auto statistics = at::accelerator::getDeviceStats(device);
  const auto [freeBytes, totalBytes] = at::accelerator::getMemoryInfo(device);
  auto memory = Napi::Object::New(info.Env());
  memory["allocatedBytes"] = static_cast<double>(statistics.allocated_bytes[kAggregate].current);
  memory["reservedBytes"] = static_cast<double>(statistics.reserved_bytes[kAggregate].current);
  memory["peakAllocatedBytes"] = static_cast<double>(statistics.allocated_bytes[kAggregate].peak);
  memory["freeBytes"] = static_cast<double>(freeBytes);
  memory["totalBytes"] = static_cast<double>(totalBytes);
  return memory;
}

Napi::Value cudaSynchronize(const Napi::CallbackInfo& info) {
  at::accelerator::synchronizeDevice(deviceArgument(info));
  return info.Env().Undefined();
}

Napi::Value cudaEmptyCache(const Napi::CallbackInfo& info) {
  if (cudaDevices() > 0) at::accelerator::emptyCache();
  return info.Env().Undefined();
}

Napi::Value cudaResetPeakMemory(const Napi::CallbackInfo& info) {
  at::accelerator::resetPeakStats(deviceArgument(info));
  return info.Env().Undefined();
}

}  // namespace

void exportRuntime(Napi::Object exports) {
  exportFunction<numThreads>(exports, "numThreads");
  exportFunction<setNumThreads>(exports, "setNumThreads");
  exportFunction<hasCuda>(exports, "hasCuda");
  exportFunction<cudaDeviceCount>(exports, "cudaDeviceCount");
  exportFunction<cudaMemory>(exports, "cudaMemory");
  exportFunction<cudaSynchronize>(exports, "cudaSynchronize");
  exportFunction<cudaEmptyCache>(exports, "cudaEmptyCache");
  exportFunction<cudaResetPeakMemory>(exports, "cudaResetPeakMemory");
}

}  // namespace codyra
