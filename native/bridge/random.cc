// Sources of random numbers.

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>

#include <mutex>

#include "arguments.h"
#include "errors.h"
#include "module.h"
#include "names.h"

namespace codyra {
namespace {

at::Generator& generatorArgument(const Napi::CallbackInfo& info, size_t i) {
  at::Generator* generator = generators().find(numberOrNaN(info[i]));
  if (generator == nullptr)
    throw std::invalid_argument("expected a live Generator. Make one with generator(seed).");
  return *generator;
}

Napi::Value manualSeed(const Napi::CallbackInfo& info) {
  at::manual_seed(seedArgument(info, 0));
  return info.Env().Undefined();
}

Napi::Value createGenerator(const Napi::CallbackInfo& info) {
  const c10::Device device = parseDevice(textArgument(info, 0));
  at::Generator generator =
      device.is_cpu()
          ? at::make_generator<at::CPUGeneratorImpl>()
          : at::globalContext().getAcceleratorHooksInterface(device.type()).getNewGenerator(device.index());
  generator.set_current_seed(seedArgument(info, 1));
  return Napi::Number::New(info.Env(), generators().add(std::move(generator)));
}

Napi::Value defaultGenerator(const Napi::CallbackInfo& info) {
  return Napi::Number::New(
      info.Env(), generators().add(at::globalContext().defaultGenerator(parseDevice(textArgument(info, 0)))));
}

Napi::Value releaseGenerator(const Napi::CallbackInfo& info) {
  generators().release(numberOrNaN(info[0]));
  return info.Env().Undefined();
}

Napi::Value generatorSeed(const Napi::CallbackInfo& info) {
  return Napi::BigInt::New(info.Env(), static_cast<uint64_t>(generatorArgument(info, 0).current_seed()));
}

Napi::Value setGeneratorSeed(const Napi::CallbackInfo& info) {
  at::Generator& generator = generatorArgument(info, 0);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_current_seed(seedArgument(info, 1));
  return info.Env().Undefined();
}

Napi::Value generatorState(const Napi::CallbackInfo& info) {
  at::Generator& generator = generatorArgument(info, 0);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return tensorResult(info, generator.get_state());
}

Napi::Value setGeneratorState(const Napi::CallbackInfo& info) {
  at::Generator& generator = generatorArgument(info, 0);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(tensorArgument(info, 1));
  return info.Env().Undefined();
}

}  // namespace

void exportRandom(Napi::Object exports) {
  exportFunction<manualSeed>(exports, "manualSeed");
  exportFunction<createGenerator>(exports, "createGenerator");
  exportFunction<defaultGenerator>(exports, "defaultGenerator");
  exportFunction<releaseGenerator>(exports, "releaseGenerator");
  exportFunction<generatorSeed>(exports, "generatorSeed");
  exportFunction<setGeneratorSeed>(exports, "setGeneratorSeed");
  exportFunction<generatorState>(exports, "generatorState");
  exportFunction<setGeneratorState>(exports, "setGeneratorState");
}

}  // namespace codyra
