#pragma once

#include <ATen/core/ivalue.h>
#include <node_api.h>

#include "operators.h"
#include "slots.h"

namespace codyra {

// A JavaScript value as the parameter's type. `position` is 1-based, for the message when it does not fit.
// Throws std::invalid_argument; nothing is coerced.
c10::IValue toIValue(napi_env env, napi_value value, const Operator& op, size_t position);

// A result for JavaScript: tensors as handles, lists as arrays, several returns as an array in schema order.
napi_value fromIValue(napi_env env, c10::IValue value);

// A tensor's handle; null for an undefined tensor.
napi_value fromTensor(napi_env env, at::Tensor tensor);

// Tells V8 of the memory of a tensor, once; a stale handle does nothing.
void reportTensor(napi_env env, Handle handle);

// Gives up a tensor that JavaScript held; a stale handle does nothing.
void releaseTensor(napi_env env, Handle handle);

}  // namespace codyra
