// Tensors from and to JavaScript's memory, and what they are.

#include <ATen/ops/empty.h>
#include <c10/util/SmallVector.h>

#include <cstring>
#include <unordered_set>

#include "arguments.h"
#include "cpu_allocator.h"
#include "errors.h"
#include "module.h"
#include "names.h"

namespace codyra {
namespace {

struct Bytes {
  void* data;
  size_t length;
};

Bytes bytesArgument(const Napi::CallbackInfo& info, size_t i) {
  if (!info[i].IsTypedArray()) throw std::invalid_argument("expected a typed array or a Buffer.");
  Bytes bytes{nullptr, info[i].As<Napi::TypedArray>().ByteLength()};
  // The plain call, because Napi::ArrayBuffer refuses shared buffers.
  napi_get_typedarray_info(info.Env(), info[i], nullptr, nullptr, &bytes.data, nullptr, nullptr);
  return bytes;
}

std::vector<Handle> handlesArgument(const Napi::CallbackInfo& info, size_t i) {
  return typedArrayArgument<Handle>(info, i, napi_float64_array, "Float64Array of handles");
}

Napi::Value releaseMany(const Napi::CallbackInfo& info) {
  for (const Handle handle : handlesArgument(info, 0)) releaseTensor(info.Env(), handle);
  return info.Env().Undefined();
}

// Tells V8 of the memory of tensors that its garbage collector releases, so that it collects when they are
// large. Of those that a scope releases it does not know: it would collect again and again for memory that it
// cannot free.
Napi::Value reportMemory(const Napi::CallbackInfo& info) {
  for (const Handle handle : handlesArgument(info, 0)) reportTensor(info.Env(), handle);
  return info.Env().Undefined();
}

// Copies: JavaScript may detach or resize its buffers at any time.
Napi::Value fromBytes(const Napi::CallbackInfo& info) {
  const auto shape = intListArgument(info, 2);  // first: its getters may detach the buffer
  const c10::ScalarType dtype = parseScalarType(textArgument(info, 1));
  const Bytes bytes = bytesArgument(info, 0);
  int64_t elements = 1;
  bool isOverflow = false;
  for (const int64_t size : shape) {
    if (size < 0)
      throw std::invalid_argument("expected sizes of at least 0, got " + std::to_string(size) + ".");
    isOverflow = isOverflow || __builtin_mul_overflow(elements, size, &elements);
  }
  const size_t itemBytes = c10::elementSize(dtype);
  if (isOverflow || static_cast<uint64_t>(elements) != bytes.length / itemBytes ||
      bytes.length % itemBytes != 0) {
    throw std::invalid_argument("expected as many elements as shape " + c10::str(c10::IntArrayRef(shape)) +
                                " has, got " + std::to_string(bytes.length / itemBytes) +
                                ". Give the shape of the data.");
  }
  at::Tensor tensor = at::empty(shape, at::TensorOptions().dtype(dtype));
  if (bytes.length > 0) std::memcpy(tensor.mutable_data_ptr(), bytes.data, bytes.length);
  return tensorResult(info, std::move(tensor));
}

Napi::Value copyBytes(const Napi::CallbackInfo& info) {
  const Bytes into = bytesArgument(info, 1);
  const at::Tensor tensor = tensorArgument(info, 0).detach().resolve_conj().resolve_neg().cpu().contiguous();
  if (tensor.nbytes() != into.length) {
    throw std::invalid_argument("expected a typed array of " + std::to_string(tensor.nbytes()) +
                                " bytes, got " + std::to_string(into.length) + ".");
  }
  if (into.length > 0) std::memcpy(into.data, tensor.const_data_ptr(), into.length);
  return info.Env().Undefined();
}

// The buffer holds the storage, so it stays valid after the tensor was released.
Napi::Value shareBytes(const Napi::CallbackInfo& info) {
  const at::Tensor tensor = tensorArgument(info, 0).detach();
  if (!tensor.is_cpu() || tensor.layout() != c10::kStrided || !tensor.is_contiguous() || tensor.is_conj() ||
      tensor.is_neg()) {
    throw std::invalid_argument(
        "Shared memory needs a contiguous tensor on the CPU. Use toTypedArray(), which copies.");
  }
  if (tensor.nbytes() == 0) return Napi::ArrayBuffer::New(info.Env(), 0);
  auto* owner = new at::Tensor(tensor);
  return Napi::ArrayBuffer::New(
      info.Env(), owner->mutable_data_ptr(), owner->nbytes(),
      [](Napi::Env, void*, at::Tensor* held) { delete held; }, owner);
}

Napi::Value fromSizes(const Napi::CallbackInfo& info, c10::IntArrayRef sizes) {
  auto array = Napi::Array::New(info.Env(), sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i)
    array[i] = Napi::Number::New(info.Env(), static_cast<double>(sizes[i]));
  return array;
}

Napi::Value shape(const Napi::CallbackInfo& info) { return fromSizes(info, tensorArgument(info, 0).sizes()); }

Napi::Value strides(const Napi::CallbackInfo& info) {
  return fromSizes(info, tensorArgument(info, 0).strides());
}

Napi::Value dtype(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), scalarTypeName(tensorArgument(info, 0).scalar_type()));
}

Napi::Value device(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), tensorArgument(info, 0).device().str());
}

Napi::Value item(const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), fromIValue(info.Env(), tensorArgument(info, 0).item()));
}

Napi::Value isContiguous(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), tensorArgument(info, 0).is_contiguous());
}

Napi::Value isSameStorage(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), tensorArgument(info, 0).is_alias_of(tensorArgument(info, 1)));
}

Napi::Value memoryStatistics(const Napi::CallbackInfo& info) {
  double count = 0, bytes = 0;
  std::unordered_set<const void*> seen;
  tensors().forEach([&](const HeldTensor& held) {
    ++count;
    if (!held.tensor.has_storage()) return;
    const auto& storage = held.tensor.storage();
    if (seen.insert(storage.unsafeGetStorageImpl()).second) bytes += static_cast<double>(storage.nbytes());
  });
  auto statistics = Napi::Object::New(info.Env());
  statistics["liveTensors"] = count;
  statistics["liveBytes"] = bytes;
  return statistics;
}

// Bytes of large tensors over all threads: those in use, and those kept for the next ones.
Napi::Value largeBlockStatistics(const Napi::CallbackInfo& info) {
  const auto [used, kept] = largeBlockBytes();
  auto statistics = Napi::Object::New(info.Env());
  statistics["usedBytes"] = static_cast<double>(used);
  statistics["keptBytes"] = static_cast<double>(kept);
  return statistics;
}

}  // namespace

void exportTensors(Napi::Object exports) {
  exportFunction<releaseMany>(exports, "releaseMany");
  exportFunction<reportMemory>(exports, "reportMemory");
  exportFunction<fromBytes>(exports, "fromBytes");
  exportFunction<copyBytes>(exports, "copyBytes");
  exportFunction<shareBytes>(exports, "shareBytes");
  exportFunction<shape>(exports, "shape");
  exportFunction<strides>(exports, "strides");
  exportFunction<dtype>(exports, "dtype");
  exportFunction<device>(exports, "device");
  exportFunction<item>(exports, "item");
  exportFunction<isContiguous>(exports, "isContiguous");
  exportFunction<isSameStorage>(exports, "isSameStorage");
  exportFunction<memoryStatistics>(exports, "memoryStatistics");
  exportFunction<largeBlockStatistics>(exports, "largeBlockStatistics");
}

}  // namespace codyra
