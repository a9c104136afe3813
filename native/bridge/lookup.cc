// The operators of this libtorch and their schemas.

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/version.h>

#include <sstream>

#include "errors.h"
#include "module.h"
#include "operators.h"

namespace codyra {
namespace {

Napi::Value version(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), TORCH_VERSION); }

std::string schemaText(const c10::FunctionSchema& schema) {
  std::ostringstream text;
  text << schema;
  return text.str();
}

Napi::Value schemas(const Napi::CallbackInfo& info) {
  auto list = Napi::Array::New(info.Env());
  uint32_t count = 0;
  for (const auto& name : c10::Dispatcher::singleton().getAllOpNames()) {
    const auto handle = c10::Dispatcher::singleton().findSchema(name);
    if (handle) list[count++] = Napi::String::New(info.Env(), schemaText(handle->schema()));
  }
  return list;
}

Napi::Value findOperatorByName(const Napi::CallbackInfo& info) {
  const std::string name = info[0].As<Napi::String>();
  const std::string overload = info[1].As<Napi::String>();
  return Napi::Number::New(info.Env(), findOperator(name, overload));
}

Napi::Value describeOperator(const Napi::CallbackInfo& info) {
  const Operator& op = operatorAt(info[0].As<Napi::Number>().Uint32Value());
  auto description = Napi::Object::New(info.Env());
  auto parameters = Napi::Array::New(info.Env());
  auto returns = Napi::Array::New(info.Env());
  uint32_t count = 0;
  for (const auto& parameter : op.parameters) {
    auto entry = Napi::Object::New(info.Env());
    entry["name"] = parameter.name;
    entry["type"] = parameter.type;
    entry["keywordOnly"] = parameter.isKeywordOnly;
    parameters[count++] = entry;
  }
  count = 0;
  for (const auto& result : op.handle.schema().returns())
    returns[count++] = Napi::String::New(info.Env(), result.real_type()->str());
  description["name"] = op.name;
  description["schema"] = schemaText(op.handle.schema());
  description["arguments"] = parameters;
  description["returns"] = returns;
  return description;
}

}  // namespace

void exportLookup(Napi::Object exports) {
  exportFunction<version>(exports, "version");
  exportFunction<schemas>(exports, "schemas");
  exportFunction<findOperatorByName>(exports, "findOperator");
  exportFunction<describeOperator>(exports, "describeOperator");
}

}  // namespace codyra
