#include "errors.h"

#include <c10/util/Exception.h>

#include <exception>
#include <new>

namespace codyra {
namespace {

napi_value makeError(napi_env env, const std::string& context, const std::string& message) {
  const bool isNamed = message.rfind(context, 0) == 0;
  const std::string text = isNamed ? message : context + ": " + message;
  napi_value string, error;
  napi_create_string_utf8(env, text.data(), text.size(), &string);
  napi_create_error(env, nullptr, string, &error);
  return error;
}

// Where an operator has no kernel for a device, libtorch adds a table of a hundred lines: where each kernel
// of it was registered.
std::string withoutKernelTable(const std::string& message) {
  const bool hasTable = message.find(": registered at ") != std::string::npos;
  return hasTable ? message.substr(0, message.find("\n\n")) : message;
}

napi_value getBacktrace(napi_env env, napi_callback_info info) {
  void* data;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  const std::string& text = (*static_cast<c10::Backtrace*>(data))->get();
  napi_value result;
  napi_create_string_utf8(env, text.data(), text.size(), &result);
  return result;
}

// A getter, because resolving the symbols of a backtrace takes milliseconds. Not enumerable, so that printing
// an error stays short.
void attachBacktrace(napi_env env, napi_value error, const c10::Backtrace& backtrace) {
  if (!backtrace) return;
  auto* owned = new c10::Backtrace(backtrace);
  const napi_property_descriptor property = {"nativeBacktrace", nullptr, nullptr,      getBacktrace,
                                             nullptr,           nullptr, napi_default, owned};
  napi_define_properties(env, error, 1, &property);
  napi_add_finalizer(
      env, error, owned, [](napi_env, void* data, void*) { delete static_cast<c10::Backtrace*>(data); },
      nullptr, nullptr);
}

}  // namespace

void throwToJavaScript(napi_env env, const std::string& context) {
  bool isPending = false;
  napi_is_exception_pending(env, &isPending);
  if (isPending) return;
  try {
    throw;
  } catch (const Napi::Error& error) {
    error.ThrowAsJavaScriptException();
  } catch (const c10::Error& error) {
    const napi_value thrown = makeError(env, context, withoutKernelTable(error.what_without_backtrace()));
    attachBacktrace(env, thrown, error.backtrace());
    napi_throw(env, thrown);
  } catch (const std::bad_alloc&) {
    napi_throw(env, makeError(env, context, "out of memory. Make the tensors smaller or release some."));
  } catch (const std::exception& error) {
    napi_throw(env, makeError(env, context, error.what()));
  } catch (...) {
    napi_throw(env, makeError(env, context,
                              "an exception of unknown type. This is a bug; please report what was called."));
  }
}

}  // namespace codyra
