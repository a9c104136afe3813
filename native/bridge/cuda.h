#pragma once

#include <c10/core/Device.h>
#include <napi.h>

namespace codyra {

// The CUDA device of that number. Throws where there is none.
c10::Device cudaDeviceArgument(const Napi::CallbackInfo& info, size_t i);

}  // namespace codyra
