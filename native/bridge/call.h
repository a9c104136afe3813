#pragma once

#include <node_api.h>

namespace codyra {

// call(operator, ...arguments): positional arguments in schema order, then optionally one object of keyword
// arguments.
napi_value call(napi_env env, napi_callback_info info);

// release(handle): gives up a tensor; a stale handle does nothing.
napi_value release(napi_env env, napi_callback_info info);

}  // namespace codyra
