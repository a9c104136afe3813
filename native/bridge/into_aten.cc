#include <ATen/ScalarOps.h>
#include <ATen/core/List.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>

#include "names.h"
#include "safe_integer.h"
#include "slots.h"
#include "values.h"

namespace codyra {
namespace {

struct ArgumentError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

constexpr uint32_t kMaxElements = 1 << 24;

std::string typeName(napi_env env, napi_value value) {
  bool is = false;
  if (napi_is_array(env, value, &is) == napi_ok && is) return "array";
  if (napi_is_typedarray(env, value, &is) == napi_ok && is) return "typed array";
  napi_valuetype type;
  napi_typeof(env, value, &type);
  switch (type) {
    case napi_undefined: return "undefined";
    case napi_null: return "null";
    case napi_boolean: return "boolean";
    case napi_number: return "number";
    case napi_string: return "string";
    case napi_symbol: return "symbol";
    case napi_function: return "function";
    case napi_external: return "external";
    case napi_bigint: return "bigint";
    default: return "object";
  }
}

std::string toString(napi_env env, napi_value value) {
  size_t length = 0;
  napi_get_value_string_utf8(env, value, nullptr, 0, &length);
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, text.data(), length + 1, &length);
  return text;
}

// Place of a value in a call, for the messages.
struct Place {
  const Operator& op;
  size_t position;
  std::optional<size_t> element = std::nullopt;

  const Parameter& parameter() const { return op.parameters[position - 1]; }

  std::string text() const {
    std::string where =
        op.name + ": argument '" + parameter().name + "' (position " + std::to_string(position) + ")";
    return element ? where + " element " + std::to_string(*element) : where;
  }
};

[[noreturn]] void failType(napi_env env, napi_value value, const Place& place, const std::string& expected,
                           const char* fix = "") {
  throw ArgumentError(place.text() + " must be " + expected + ", not " + typeName(env, value) + "." + fix);
}

at::Tensor toTensor(napi_env env, napi_value value, const Place& place) {
  double handle;
  if (napi_get_value_double(env, value, &handle) != napi_ok) {
    failType(env, value, place, place.element ? "Tensor" : place.parameter().type,
             " Wrap it with tensor(...).");
  }
  const HeldTensor* held = tensors().find(handle);
  if (held == nullptr) throw ArgumentError(place.text() + " " + whyNotLive(handle));
  return held->tensor;
}

bool isNullish(napi_env env, napi_value value) {
  napi_valuetype type;
  napi_typeof(env, value, &type);
  return type == napi_undefined || type == napi_null;
}

int64_t toInt(napi_env env, napi_value value, const Place& place) {
  double number;
  if (napi_get_value_double(env, value, &number) == napi_ok) {
    if (!(std::abs(number) <= kMaxSafeInteger) || number != std::trunc(number)) {
      throw ArgumentError(place.text() + " must be an integer, got " + c10::str(number) +
                          ". Round it, or use a bigint beyond 2^53.");
    }
    return static_cast<int64_t>(number);
  }
  int64_t big;
  bool isLossless;
  if (napi_get_value_bigint_int64(env, value, &big, &isLossless) != napi_ok)
    failType(env, value, place, "int");
  if (!isLossless) throw ArgumentError(place.text() + " must fit in 64 bits, got a larger bigint.");
  return big;
}

double toFloat(napi_env env, napi_value value, const Place& place) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) failType(env, value, place, "float");
  return number;
}

bool toBool(napi_env env, napi_value value, const Place& place) {
  bool flag;
  if (napi_get_value_bool(env, value, &flag) != napi_ok) failType(env, value, place, "bool");
  return flag;
}

std::string toText(napi_env env, napi_value value, const Place& place) {
  napi_valuetype type;
  napi_typeof(env, value, &type);
  if (type != napi_string)
    failType(env, value, place, place.parameter().type == "Any" ? "str" : place.parameter().type);
  return toString(env, value);
}

// Integral numbers are integers, as everywhere in JavaScript; a float result comes from the tensor's dtype,
// as in PyTorch.
c10::Scalar toScalar(napi_env env, napi_value value, const Place& place) {
  double number;
  if (napi_get_value_double(env, value, &number) == napi_ok) {
    const bool isInteger = std::abs(number) <= kMaxSafeInteger && number == std::trunc(number);
    return isInteger ? c10::Scalar(static_cast<int64_t>(number)) : c10::Scalar(number);
  }
  bool flag;
  if (napi_get_value_bool(env, value, &flag) == napi_ok) return c10::Scalar(flag);
  napi_valuetype type;
  napi_typeof(env, value, &type);
  if (type == napi_bigint) return c10::Scalar(toInt(env, value, place));
  failType(env, value, place, "Scalar", " Numbers, bigints and booleans are scalars.");
}

template <typename Value, size_t Count>
Value lookUp(const std::string& name, const Names<Value, Count>& table, const Place& place) {
  std::string known;
  for (const auto& [candidate, value] : table) {
    if (name == candidate) return value;
    known += (known.empty() ? "" : ", ") + std::string(candidate);
  }
  throw ArgumentError(place.text() + " must be one of " + known + ", got '" + name + "'.");
}

// Reads the elements of an array with `read`; a single value stands for `broadcastLength` of them where the
// schema allows it.
template <typename Element, typename Read>
c10::List<Element> toList(napi_env env, napi_value value, Place place, c10::List<Element> list, Read read) {
  bool isArray = false;
  napi_is_array(env, value, &isArray);
  if (!isArray) {
    const auto length = place.parameter().broadcastLength;
    napi_valuetype type;
    napi_typeof(env, value, &type);
    if (!length || type == napi_object)
      failType(env, value, place, place.parameter().type, " Pass an array.");
    const Element element = read(value, place);
    for (int32_t i = 0; i < *length; ++i) list.push_back(element);
    return list;
  }
  uint32_t length;
  napi_get_array_length(env, value, &length);
  if (length > kMaxElements) {  // of an array that is all holes: it costs its maker nothing
    throw ArgumentError(place.text() + " must have at most " + std::to_string(kMaxElements) +
                        " elements, got " + std::to_string(length) + ". Pass a tensor.");
  }
  list.reserve(std::min<uint32_t>(length, 1 << 16));
  for (uint32_t i = 0; i < length; ++i) {
    napi_value element;
    if (napi_get_element(env, value, i, &element) != napi_ok)
      throw ArgumentError(place.text() + " could not be read.");
    place.element = i;
    list.push_back(read(element, place));
  }
  return list;
}

c10::IValue convert(napi_env env, napi_value value, const Place& place) {
  const auto readInt = [env](napi_value v, const Place& p) { return toInt(env, v, p); };
  const auto readFloat = [env](napi_value v, const Place& p) { return toFloat(env, v, p); };
  const auto readBool = [env](napi_value v, const Place& p) { return toBool(env, v, p); };
  const auto readTensor = [env](napi_value v, const Place& p) { return toTensor(env, v, p); };
  const auto readOptionalTensor = [env](napi_value v, const Place& p) {
    return isNullish(env, v) ? std::optional<at::Tensor>() : std::optional<at::Tensor>(toTensor(env, v, p));
  };
  switch (place.parameter().kind) {
    case Kind::Tensor: return toTensor(env, value, place);
    case Kind::Int: return toInt(env, value, place);
    case Kind::Float: return toFloat(env, value, place);
    case Kind::Bool: return toBool(env, value, place);
    case Kind::String: return toText(env, value, place);
    case Kind::Scalar: return toScalar(env, value, place);
    case Kind::ScalarAsTensor: return at::native::wrapped_scalar_tensor(toScalar(env, value, place));
    case Kind::ScalarType:
      return static_cast<int64_t>(lookUp(toText(env, value, place), kScalarTypes, place));
    case Kind::Layout: return static_cast<int64_t>(lookUp(toText(env, value, place), kLayouts, place));
    case Kind::MemoryFormat:
      return static_cast<int64_t>(lookUp(toText(env, value, place), kMemoryFormats, place));
    case Kind::Device: return parseDevice(toText(env, value, place));
    case Kind::Generator: {
      const at::Generator* generator = generators().find(toFloat(env, value, place));
      if (generator == nullptr)
        throw ArgumentError(place.text() + " must be a live Generator. Make one with generator(seed).");
      return *generator;
    }
    case Kind::TensorList: return toList(env, value, place, c10::List<at::Tensor>(), readTensor);
    case Kind::OptionalTensorList:
      return toList(env, value, place, c10::List<std::optional<at::Tensor>>(), readOptionalTensor);
    case Kind::IntList: return toList(env, value, place, c10::List<int64_t>(), readInt);
    case Kind::FloatList: return toList(env, value, place, c10::List<double>(), readFloat);
    case Kind::BoolList: return toList(env, value, place, c10::List<bool>(), readBool);
    case Kind::ScalarList: {
      c10::impl::GenericList list(c10::NumberType::get());
      const auto readScalar = [env](napi_value v, const Place& p) {
        return c10::IValue(toScalar(env, v, p));
      };
      return toList(env, value, place, list, readScalar);
    }
    case Kind::StringList:
      return toList(env, value, place, c10::List<std::string>(),
                    [env](napi_value v, const Place& p) { return toText(env, v, p); });
    case Kind::Unsupported: break;
  }
  throw ArgumentError(place.text() + " has the type " + place.parameter().type +
                      ", which codyra cannot pass.");
}

}  // namespace

c10::IValue toIValue(napi_env env, napi_value value, const Operator& op, size_t position) {
  const Place place{op, position};
  const Parameter& parameter = place.parameter();
  if (parameter.isOptional || parameter.defaultValue) {
    napi_valuetype type;
    napi_typeof(env, value, &type);
    if (type == napi_undefined && parameter.defaultValue) return *parameter.defaultValue;
    if (parameter.isOptional && (type == napi_undefined || type == napi_null)) return c10::IValue();
  }
  return convert(env, value, place);
}

}  // namespace codyra
