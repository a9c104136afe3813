#include "names.h"

#include <ATen/Context.h>

#include <stdexcept>

namespace codyra {

c10::Device parseDevice(const std::string& name) {
  const c10::Device device(name);
  if (device.is_cuda() && !at::hasCUDA()) {
    throw std::invalid_argument("expected a device of this machine, got '" + name +
                                "', but there is no CUDA device that this libtorch can use. "
                                "Use 'cpu', or run `codyra doctor` to see what is missing.");
  }
  return device;
}

c10::ScalarType parseScalarType(const std::string& name) {
  for (const auto& [candidate, type] : kScalarTypes) {
    if (name == candidate) return type;
  }
  throw std::invalid_argument(
      "Unknown dtype '" + name +
      "': expected one of float32, float64, float16, bfloat16, uint8, int8, int16, int32, "
      "int64, bool, complex64, complex128.");
}

std::string scalarTypeName(c10::ScalarType type) {
  for (const auto& [name, candidate] : kScalarTypes) {
    if (type == candidate) return name;
  }
  return c10::toString(type);
}

}  // namespace codyra
