#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "safe_integer.h"
#include "slots.h"
#include "values.h"

namespace codyra {
namespace {

napi_value fromInt(napi_env env, int64_t value) {
  napi_value result;
  if (std::abs(static_cast<double>(value)) <= kMaxSafeInteger) {
    napi_create_double(env, static_cast<double>(value), &result);
  } else {
    napi_create_bigint_int64(env, value, &result);
  }
  return result;
}

template <typename List, typename Convert>
napi_value fromList(napi_env env, const List& list, Convert convert) {
  napi_value array;
  napi_create_array_with_length(env, list.size(), &array);
  uint32_t i = 0;
  for (const auto& element : list) napi_set_element(env, array, i++, convert(element));
  return array;
}

napi_value fromComplex(napi_env env, c10::complex<double> value) {
  napi_value object, re, im;
  napi_create_object(env, &object);
  napi_create_double(env, value.real(), &re);
  napi_create_double(env, value.imag(), &im);
  napi_set_named_property(env, object, "re", re);
  napi_set_named_property(env, object, "im", im);
  return object;
}

// In lumps: every call may start a collection.
void adjustExternalMemory(napi_env env, int64_t bytes) {
  constexpr int64_t kLump = 8 << 20;
  thread_local int64_t pending = 0;
  pending += bytes;
  if (std::abs(pending) < kLump) return;
  int64_t total;
  napi_adjust_external_memory(env, pending, &total);
  pending = 0;
}

// Only memory that came into being with this tensor: views, in-place results and what else aliases others add
// nothing.
int64_t ownedBytes(const at::Tensor& tensor) {
  if (tensor.use_count() != 1 || !tensor.has_storage() || tensor.storage().use_count() != 1 ||
      !tensor.is_cpu())
    return 0;
  return static_cast<int64_t>(tensor.storage().nbytes());
}

}  // namespace

napi_value fromTensor(napi_env env, at::Tensor tensor) {
  napi_value result;
  if (!tensor.defined()) {
    napi_get_null(env, &result);
    return result;
  }
  const int64_t bytes = ownedBytes(tensor);
  napi_create_double(env, tensors().add({std::move(tensor), bytes}), &result);
  return result;
}

void releaseTensor(napi_env env, Handle handle) {
  const HeldTensor released = tensors().release(handle);
  if (released.isReported) adjustExternalMemory(env, -released.ownedBytes);
}

void reportTensor(napi_env env, Handle handle) {
  HeldTensor* held = tensors().find(handle);
  if (held == nullptr || held->isReported) return;
  held->isReported = true;
  adjustExternalMemory(env, held->ownedBytes);
}

napi_value fromIValue(napi_env env, c10::IValue value) {
  napi_value result;
  if (value.isTensor()) return fromTensor(env, std::move(value).toTensor());
  if (value.isInt()) return fromInt(env, value.toInt());
  if (value.isDouble()) {
    napi_create_double(env, value.toDouble(), &result);
    return result;
  }
  if (value.isBool()) {
    napi_get_boolean(env, value.toBool(), &result);
    return result;
  }
  if (value.isNone()) {
    napi_get_null(env, &result);
    return result;
  }
  if (value.isComplexDouble()) return fromComplex(env, value.toComplexDouble());
  if (value.isString()) {
    const std::string& text = value.toStringRef();
    napi_create_string_utf8(env, text.data(), text.size(), &result);
    return result;
  }
  if (value.isDevice()) {
    const std::string text = value.toDevice().str();
    napi_create_string_utf8(env, text.data(), text.size(), &result);
    return result;
  }
  if (value.isSymInt()) return fromInt(env, value.toSymInt().guard_int(__FILE__, __LINE__));
  if (value.isTensorList()) {
    return fromList(env, value.toTensorVector(),
                    [env](const at::Tensor& tensor) { return fromTensor(env, tensor); });
  }
  if (value.isIntList())
    return fromList(env, value.toIntVector(), [env](int64_t element) { return fromInt(env, element); });
  if (value.isList())
    return fromList(env, value.toListRef(), [env](const c10::IValue& e) { return fromIValue(env, e); });
  if (value.isTuple()) {
    return fromList(env, value.toTupleRef().elements(),
                    [env](const c10::IValue& e) { return fromIValue(env, e); });
  }
  throw std::invalid_argument("a result of type " + value.tagKind() + " cannot be given to JavaScript.");
}

}  // namespace codyra
