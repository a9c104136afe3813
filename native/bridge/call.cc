// The generic operator call: the hot path, on the plain Node-API.

#include "call.h"

#include <utility>
#include <vector>

#include "below_autograd.h"
#include "errors.h"
#include "operators.h"
#include "values.h"

namespace codyra {
namespace {

constexpr size_t kUsualArguments = 16;

using Stack = torch::jit::Stack;

bool isNull(napi_env env, napi_value value) {
  napi_valuetype type;
  return napi_typeof(env, value, &type) == napi_ok && type == napi_null;
}

// Is the last argument an object of keyword arguments? Only a plain one is, whose prototype has none: a
// tensor or a list in the wrong place is then named by its own argument.
bool isKeywords(napi_env env, napi_value value) {
  napi_valuetype type;
  napi_typeof(env, value, &type);
  if (type != napi_object) return false;
  napi_value prototype, next;
  if (napi_get_prototype(env, value, &prototype) != napi_ok) return false;
  return isNull(env, prototype) ||
         (napi_get_prototype(env, prototype, &next) == napi_ok && isNull(env, next));
}

std::string keyText(napi_env env, napi_value key) {
  char buffer[128];
  size_t length = 0;
  napi_get_value_string_utf8(env, key, buffer, sizeof buffer, &length);
  return std::string(buffer, length);
}

void checkKeywords(napi_env env, napi_value keywords, const Operator& op, size_t positional) {
  napi_value keys;
  if (napi_get_property_names(env, keywords, &keys) != napi_ok)
    throw std::invalid_argument("unreadable keyword arguments.");
  uint32_t count = 0;
  napi_get_array_length(env, keys, &count);
  for (uint32_t i = 0; i < count; ++i) {
    napi_value key;
    if (napi_get_element(env, keys, i, &key) != napi_ok)
      throw std::invalid_argument("unreadable keyword arguments.");
    const std::string name = keyText(env, key);
    size_t position = 0;
    while (position < op.parameters.size() && op.parameters[position].name != name) ++position;
    if (position == op.parameters.size()) {
      std::string known;
      for (const auto& parameter : op.parameters) known += (known.empty() ? "" : ", ") + parameter.name;
      throw std::invalid_argument("unknown argument '" + name + "'; expected one of " + known + ".");
    }
    if (position < positional)
      throw std::invalid_argument("argument '" + name + "' was given twice, by position and by name.");
  }
}

// Null when the keyword is not there. A getter that throws leaves its own error pending, which is the one
// that is reported.
napi_value keywordOrNull(napi_env env, napi_value keywords, const std::string& name) {
  bool isGiven = false;
  napi_value value = nullptr;
  if (napi_has_named_property(env, keywords, name.c_str(), &isGiven) != napi_ok ||
      (isGiven && napi_get_named_property(env, keywords, name.c_str(), &value) != napi_ok)) {
    throw std::invalid_argument("argument '" + name + "' could not be read.");
  }
  return value;
}

void pushArguments(napi_env env, const Operator& op, napi_value* values, size_t count, Stack& stack) {
  napi_value keywords = nullptr;
  if (count > 0 && isKeywords(env, values[count - 1])) {
    keywords = values[--count];
    checkKeywords(env, keywords, op, count);
  }
  const size_t expected = op.parameters.size();
  if (count > expected) {
    throw std::invalid_argument("expected at most " + std::to_string(expected) + " arguments, got " +
                                std::to_string(count) + ".");
  }
  for (size_t i = 0; i < count; ++i) stack.push_back(toIValue(env, values[i], op, i + 1));
  for (size_t i = count; i < expected; ++i) {
    const Parameter& parameter = op.parameters[i];
    const napi_value value = keywords == nullptr ? nullptr : keywordOrNull(env, keywords, parameter.name);
    if (value != nullptr) {
      stack.push_back(toIValue(env, value, op, i + 1));
    } else if (parameter.defaultValue) {
      stack.push_back(*parameter.defaultValue);
    } else {
      throw std::invalid_argument("argument '" + parameter.name + "' (position " + std::to_string(i + 1) +
                                  ") of type " + parameter.type + " is missing.");
    }
  }
}

napi_value takeResults(napi_env env, Stack& stack) {
  if (stack.size() == 1) return fromIValue(env, std::move(stack.front()));
  napi_value result;
  if (stack.empty()) {
    napi_get_undefined(env, &result);
    return result;
  }
  napi_create_array_with_length(env, stack.size(), &result);
  for (uint32_t i = 0; i < stack.size(); ++i)
    napi_set_element(env, result, i, fromIValue(env, std::move(stack[i])));
  return result;
}

// One stack per thread, so that a call allocates none. Cleared on every way out, which also frees the
// arguments. Taken from its place while in use: a getter among the arguments may make another call.
struct BorrowedStack {
  Stack stack = std::exchange(spare(), Stack());
  ~BorrowedStack() {
    stack.clear();
    spare() = std::move(stack);
  }

 private:
  static Stack& spare() {
    thread_local Stack stack;
    return stack;
  }
};

}  // namespace

napi_value call(napi_env env, napi_callback_info info) {
  napi_value usual[kUsualArguments + 1];
  size_t count = kUsualArguments + 1;
  napi_get_cb_info(env, info, &count, usual, nullptr, nullptr);
  std::vector<napi_value> many;
  napi_value* values = usual;
  if (count > kUsualArguments + 1) {
    many.resize(count);
    napi_get_cb_info(env, info, &count, many.data(), nullptr, nullptr);
    values = many.data();
  }
  Operator* op = nullptr;
  try {
    uint32_t id = UINT32_MAX;
    if (count > 0) napi_get_value_uint32(env, values[0], &id);
    op = &operatorAt(id);
    BorrowedStack borrowed;
    pushArguments(env, *op, values + 1, count - 1, borrowed.stack);
    if (canSkipAutograd(*op, borrowed.stack)) {
      if (callBelowAutograd(*op, borrowed.stack)) return takeResults(env, borrowed.stack);
      borrowed.stack.clear();
      pushArguments(env, *op, values + 1, count - 1, borrowed.stack);
    }
    op->handle.callBoxed(borrowed.stack);
    return takeResults(env, borrowed.stack);
  } catch (...) {
    throwToJavaScript(env, op == nullptr ? "codyra" : op->name);
    return nullptr;
  }
}

napi_value release(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value value = nullptr;
  napi_get_cb_info(env, info, &count, &value, nullptr, nullptr);
  Handle handle = 0;
  napi_get_value_double(env, value, &handle);
  releaseTensor(env, handle);
  return nullptr;
}

}  // namespace codyra
