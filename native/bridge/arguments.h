#pragma once

#include <napi.h>

#include <cmath>
#include <string>
#include <vector>

#include "safe_integer.h"
#include "slots.h"
#include "values.h"

namespace codyra {

// Arguments of the functions that are not hot. Each throws when the value is of another type, and none
// converts. A conversion runs JavaScript, which may release tensors and buffers that were read before. Arrays
// run JavaScript too where they have getters, so they are read first.

// NaN, which names nothing, for a value that is no number.
inline double numberOrNaN(const Napi::Value& value) {
  return value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
}

inline const at::Tensor& tensorArgument(const Napi::CallbackInfo& info, size_t i) {
  return tensorAt(numberOrNaN(info[i]));
}

// An array that is all holes costs its maker nothing, so that its length has to be bounded.
inline Napi::Array arrayArgument(const Napi::CallbackInfo& info, size_t i, const char* expected) {
  constexpr uint32_t most = 1 << 24;
  if (!info[i].IsArray()) throw std::invalid_argument(std::string("expected ") + expected + ".");
  const auto list = info[i].As<Napi::Array>();
  if (list.Length() > most) {
    throw std::invalid_argument(std::string("expected ") + expected + " of at most " + std::to_string(most) +
                                " elements, got " + std::to_string(list.Length()) + ".");
  }
  return list;
}

inline std::vector<at::Tensor> tensorListArgument(const Napi::CallbackInfo& info, size_t i) {
  const auto list = arrayArgument(info, i, "an array of tensors");
  std::vector<at::Tensor> tensors;
  for (uint32_t k = 0; k < list.Length(); ++k) {
    const Napi::Value value = list[k];
    tensors.push_back(value.IsNull() || value.IsUndefined() ? at::Tensor() : tensorAt(numberOrNaN(value)));
  }
  return tensors;
}

// The elements of a typed array of one kind: `Element` and `type` say which, `name` is its name in
// JavaScript.
template <typename Element>
std::vector<Element> typedArrayArgument(const Napi::CallbackInfo& info, size_t i, napi_typedarray_type type,
                                        const char* name) {
  if (!info[i].IsTypedArray() || info[i].As<Napi::TypedArray>().TypedArrayType() != type) {
    throw std::invalid_argument(std::string("expected a ") + name + ".");
  }
  // The plain call, because Napi::ArrayBuffer refuses shared buffers.
  void* data = nullptr;
  size_t length = 0;
  napi_get_typedarray_info(info.Env(), info[i], nullptr, &length, &data, nullptr, nullptr);
  const auto* elements = static_cast<const Element*>(data);
  return length == 0 ? std::vector<Element>() : std::vector<Element>(elements, elements + length);
}

inline std::vector<int64_t> intListArgument(const Napi::CallbackInfo& info, size_t i) {
  const auto list = arrayArgument(info, i, "an array of integers");
  std::vector<int64_t> values;
  for (uint32_t k = 0; k < list.Length(); ++k) {
    const Napi::Value element = list[k];
    const double number = element.IsNumber() ? element.As<Napi::Number>().DoubleValue() : std::nan("");
    if (!(std::abs(number) <= kMaxSafeInteger) || number != std::trunc(number)) {
      throw std::invalid_argument("expected an array of integers, got another value at index " +
                                  std::to_string(k) + ".");
    }
    values.push_back(static_cast<int64_t>(number));
  }
  return values;
}

inline std::string textArgument(const Napi::CallbackInfo& info, size_t i) {
  if (!info[i].IsString()) throw std::invalid_argument("expected a string.");
  return info[i].As<Napi::String>();
}

// A seed: a whole number or a bigint, as the 64 bits that libtorch takes.
inline uint64_t seedArgument(const Napi::CallbackInfo& info, size_t i) {
  if (info[i].IsBigInt()) {
    bool isLossless = false;
    const uint64_t seed = info[i].As<Napi::BigInt>().Uint64Value(&isLossless);
    if (!isLossless)
      throw std::invalid_argument("expected a seed from 0 to 2^64 - 1, got a bigint outside of it.");
    return seed;
  }
  const double seed = info[i].IsNumber() ? info[i].As<Napi::Number>().DoubleValue() : -1;
  if (!(seed >= 0 && seed <= kMaxSafeInteger) || seed != static_cast<double>(static_cast<uint64_t>(seed))) {
    throw std::invalid_argument("expected a seed that is a whole number from 0 to 2^53 - 1, or a bigint.");
  }
  return static_cast<uint64_t>(seed);
}

inline Napi::Value tensorResult(const Napi::CallbackInfo& info, at::Tensor tensor) {
  return Napi::Value(info.Env(), fromTensor(info.Env(), std::move(tensor)));
}

}  // namespace codyra
