#pragma once

#include <napi.h>

#include <string>

namespace codyra {

// Turns the exception being handled into a pending JavaScript error; call it inside a catch block. The one
// place where errors of libtorch become JavaScript's: the message without the C++ backtrace, which is kept in
// the property `nativeBacktrace`. `context` names the operator or function and stands before the message.
void throwToJavaScript(napi_env env, const std::string& context);

// Wraps a node-addon-api function so that no C++ exception leaves it. Its name, which stands before messages,
// is its data.
template <Napi::Value (*Function)(const Napi::CallbackInfo&)>
napi_value guarded(napi_env env, napi_callback_info raw) {
  try {
    Napi::CallbackInfo info(env, raw);
    return Function(info);
  } catch (...) {
    void* name = nullptr;
    napi_get_cb_info(env, raw, nullptr, nullptr, nullptr, &name);
    throwToJavaScript(env, static_cast<const char*>(name));
    return nullptr;
  }
}

// Adds a guarded function to the exports. `name` must live as long as the library.
template <Napi::Value (*Function)(const Napi::CallbackInfo&)>
void exportFunction(Napi::Object exports, const char* name) {
  napi_value function;
  napi_status status = napi_create_function(exports.Env(), name, NAPI_AUTO_LENGTH, guarded<Function>,
                                            const_cast<char*>(name), &function);
  NAPI_THROW_IF_FAILED_VOID(exports.Env(), status);
  exports.Set(name, Napi::Value(exports.Env(), function));
}

}  // namespace codyra
