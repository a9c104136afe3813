// CUDA devices, their memory, events and streams. Written against libtorch's interface for all accelerators,
// so that it needs no header of CUDA and builds everywhere.

#include "cuda.h"

#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <cmath>
#include <map>
#include <vector>

#include "arguments.h"
#include "errors.h"
#include "externals.h"
#include "module.h"

namespace codyra {
namespace {

int cudaDevices() { return at::hasCUDA() ? at::accelerator::deviceCount() : 0; }

Napi::Value hasCuda(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), at::hasCUDA()); }

Napi::Value cudaDeviceCount(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), cudaDevices());
}

Napi::Value cudaMemory(const Napi::CallbackInfo& info) {
  const auto device = cudaDeviceArgument(info, 0).index();
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
  at::accelerator::synchronizeDevice(cudaDeviceArgument(info, 0).index());
  return info.Env().Undefined();
}

Napi::Value cudaEmptyCache(const Napi::CallbackInfo& info) {
  if (cudaDevices() > 0) at::accelerator::emptyCache();
  return info.Env().Undefined();
}

Napi::Value cudaResetPeakMemory(const Napi::CallbackInfo& info) {
  at::accelerator::resetPeakStats(cudaDeviceArgument(info, 0).index());
  return info.Env().Undefined();
}

c10::Event& eventArgument(const Napi::CallbackInfo& info, size_t i) {
  return externalArgument<c10::Event>(info, i, "a CUDA event");
}

// Records an event that measures time on the device's current stream.
Napi::Value recordCudaEvent(const Napi::CallbackInfo& info) {
  const auto device = cudaDeviceArgument(info, 0);
  auto event = std::make_unique<c10::Event>(device.type(), c10::EventFlag::BACKEND_DEFAULT);
  event->record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
  return externalResult(info, std::move(event), [](c10::Event* e) { delete e; });
}

Napi::Value cudaElapsedMs(const Napi::CallbackInfo& info) {
  const auto& end = eventArgument(info, 1);
  end.synchronize();
  return Napi::Number::New(info.Env(), eventArgument(info, 0).elapsedTime(end));
}

// Device and stream of the current thread before it went to a side stream.
struct StreamBefore {
  c10::Device device;
  c10::Stream stream;
};

std::vector<StreamBefore>& streamsBefore() {
  thread_local std::vector<StreamBefore> stack;
  return stack;
}

// Always the same one of a device, so that what libtorch keeps for a stream, such as workspaces, is made
// once.
c10::Stream sideStream(const c10::impl::VirtualGuardImpl& cuda, c10::Device device) {
  thread_local std::map<c10::DeviceIndex, c10::Stream> streams;
  const auto found = streams.find(device.index());
  if (found != streams.end()) return found->second;
  return streams.emplace(device.index(), cuda.getStreamFromGlobalPool(device)).first->second;
}

// Work queued on `second` from now on waits for the work on `first`.
void waitFor(const c10::Stream& first, const c10::Stream& second) {
  c10::Event event(first.device_type());
  event.record(first);
  event.block(second);
}

Napi::Value enterCudaSideStream(const Napi::CallbackInfo& info) {
  const auto device = cudaDeviceArgument(info, 0);
  const c10::impl::VirtualGuardImpl cuda(device.type());
  const auto side = sideStream(cuda, device);
  const auto before = cuda.exchangeDevice(device);
  const auto stream = cuda.exchangeStream(side);
  streamsBefore().push_back({before, stream});
  waitFor(stream, side);
  return info.Env().Undefined();
}

Napi::Value leaveCudaSideStream(const Napi::CallbackInfo& info) {
  if (streamsBefore().empty()) throw std::logic_error("expected a call of enterCudaSideStream before.");
  const auto [device, stream] = streamsBefore().back();
  streamsBefore().pop_back();
  const c10::impl::VirtualGuardImpl cuda(device.type());
  const auto side = cuda.exchangeStream(stream);
  cuda.setDevice(device);
  waitFor(side, stream);
  return info.Env().Undefined();
}

}  // namespace

c10::Device cudaDeviceArgument(const Napi::CallbackInfo& info, size_t i) {
  const double index = numberOrNaN(info[i]);
  const int count = cudaDevices();
  if (!(index >= 0 && index < count) || index != std::trunc(index)) {
    throw std::invalid_argument("expected one of " + std::to_string(count) + " CUDA devices, got number " +
                                c10::str(index) + ". Run `codyra doctor` to see the devices.");
  }
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

void exportCuda(Napi::Object exports) {
  // float32 is the exact mode: libtorch would let cuDNN round the inputs of convolutions to ten bits.
  at::globalContext().setAllowTF32CuDNN(false);
  exportFunction<hasCuda>(exports, "hasCuda");
  exportFunction<cudaDeviceCount>(exports, "cudaDeviceCount");
  exportFunction<cudaMemory>(exports, "cudaMemory");
  exportFunction<cudaSynchronize>(exports, "cudaSynchronize");
  exportFunction<cudaEmptyCache>(exports, "cudaEmptyCache");
  exportFunction<cudaResetPeakMemory>(exports, "cudaResetPeakMemory");
  exportFunction<recordCudaEvent>(exports, "recordCudaEvent");
  exportFunction<cudaElapsedMs>(exports, "cudaElapsedMs");
  exportFunction<enterCudaSideStream>(exports, "enterCudaSideStream");
  exportFunction<leaveCudaSideStream>(exports, "leaveCudaSideStream");
}

}  // namespace codyra
