#include "values.h"

#include <ATen/Context.h>
#include <ATen/core/List.h>
#include <c10/core/Layout.h>
#include <c10/core/MemoryFormat.h>

#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "slots.h"

namespace codyra {
namespace {

struct ArgumentError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

constexpr double kMaxSafeInteger = 9007199254740991.0;
constexpr uint32_t kMaxElements = 1 << 24;

constexpr std::array<std::pair<const char*, c10::ScalarType>, 16> kScalarTypes = {{
    {"float32", c10::kFloat},
    {"float64", c10::kDouble},
    {"float16", c10::kHalf},
    {"bfloat16", c10::kBFloat16},
    {"uint8", c10::kByte},
    {"int8", c10::kChar},
    {"int16", c10::kShort},
    {"int32", c10::kInt},
    {"int64", c10::kLong},
    {"bool", c10::kBool},
    {"complex64", c10::kComplexFloat},
    {"complex128", c10::kComplexDouble},
    {"float8_e4m3fn", c10::kFloat8_e4m3fn},
    {"float8_e5m2", c10::kFloat8_e5m2},
    {"uint16", c10::kUInt16},
    {"uint32", c10::kUInt32},
}};

constexpr std::array<std::pair<const char*, c10::Layout>, 3> kLayouts = {{
    {"strided", c10::kStrided},
    {"sparse", c10::kSparse},
    {"sparse_csr", c10::kSparseCsr},
}};

constexpr std::array<std::pair<const char*, c10::MemoryFormat>, 4> kMemoryFormats = {{
    {"contiguous", c10::MemoryFormat::Contiguous},
    {"preserve", c10::MemoryFormat::Preserve},
    {"channels_last", c10::MemoryFormat::ChannelsLast},
    {"channels_last_3d", c10::MemoryFormat::ChannelsLast3d},
}};

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

// Where a value stands in a call, for the messages.
struct Place {
  const Operator& op;
  size_t position;
  std::optional<size_t> element = std::nullopt;

  const Parameter& parameter() const { return op.parameters[position - 1]; }

  std::string text() const {
    std::string where = op.name + ": argument '" + parameter().name + "' (position " + std::to_string(position) + ")";
    return element ? where + " element " + std::to_string(*element) : where;
  }
};

[[noreturn]] void failType(napi_env env, napi_value value, const Place& place, const std::string& expected, const char* fix = "") {
  throw ArgumentError(place.text() + " must be " + expected + ", not " + typeName(env, value) + "." + fix);
}

at::Tensor toTensor(napi_env env, napi_value value, const Place& place) {
  double handle;
  if (napi_get_value_double(env, value, &handle) != napi_ok) {
    failType(env, value, place, place.element ? "Tensor" : place.parameter().type, " Wrap it with tensor(...).");
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
  if (napi_get_value_bigint_int64(env, value, &big, &isLossless) != napi_ok) failType(env, value, place, "int");
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
  if (type != napi_string) failType(env, value, place, place.parameter().type);
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
Value lookUp(const std::string& name, const std::array<std::pair<const char*, Value>, Count>& table, const Place& place) {
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
    if (!length || type == napi_object) failType(env, value, place, place.parameter().type, " Pass an array.");
    const Element element = read(value, place);
    for (int32_t i = 0; i < *length; ++i) list.push_back(element);
    return list;
  }
  uint32_t length;
  napi_get_array_length(env, value, &length);
  if (length > kMaxElements) {  // of an array that is all holes: it costs its maker nothing
    throw ArgumentError(place.text() + " must have at most " + std::to_string(kMaxElements) + " elements, got " +
                        std::to_string(length) + ". Pass a tensor.");
  }
  list.reserve(std::min<uint32_t>(length, 1 << 16));
  for (uint32_t i = 0; i < length; ++i) {
    napi_value element;
    if (napi_get_element(env, value, i, &element) != napi_ok) throw ArgumentError(place.text() + " could not be read.");
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
    case Kind::ScalarType: return static_cast<int64_t>(lookUp(toText(env, value, place), kScalarTypes, place));
    case Kind::Layout: return static_cast<int64_t>(lookUp(toText(env, value, place), kLayouts, place));
    case Kind::MemoryFormat: return static_cast<int64_t>(lookUp(toText(env, value, place), kMemoryFormats, place));
    case Kind::Device: return parseDevice(toText(env, value, place));
    case Kind::Generator: {
      const at::Generator* generator = generators().find(toFloat(env, value, place));
      if (generator == nullptr) throw ArgumentError(place.text() + " must be a live Generator. Make one with generator(seed).");
      return *generator;
    }
    case Kind::TensorList: return toList(env, value, place, c10::List<at::Tensor>(), readTensor);
    case Kind::OptionalTensorList: return toList(env, value, place, c10::List<std::optional<at::Tensor>>(), readOptionalTensor);
    case Kind::IntList: return toList(env, value, place, c10::List<int64_t>(), readInt);
    case Kind::FloatList: return toList(env, value, place, c10::List<double>(), readFloat);
    case Kind::BoolList: return toList(env, value, place, c10::List<bool>(), readBool);
    case Kind::ScalarList: {
      c10::impl::GenericList list(c10::NumberType::get());
      const auto readScalar = [env](napi_value v, const Place& p) { return c10::IValue(toScalar(env, v, p)); };
      return toList(env, value, place, list, readScalar);
    }
    case Kind::StringList:
      return toList(env, value, place, c10::List<std::string>(),
                    [env](napi_value v, const Place& p) { return toText(env, v, p); });
    case Kind::Unsupported: break;
  }
  throw ArgumentError(place.text() + " has the type " + place.parameter().type + ", which codyra cannot pass.");
}

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
  if (tensor.use_count() != 1 || !tensor.has_storage() || tensor.storage().use_count() != 1 || !tensor.is_cpu()) return 0;
  return static_cast<int64_t>(tensor.storage().nbytes());
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
    return fromList(env, value.toTensorVector(), [env](const at::Tensor& tensor) { return fromTensor(env, tensor); });
  }
  if (value.isIntList()) return fromList(env, value.toIntVector(), [env](int64_t element) { return fromInt(env, element); });
  if (value.isList()) return fromList(env, value.toListRef(), [env](const c10::IValue& e) { return fromIValue(env, e); });
  if (value.isTuple()) {
    return fromList(env, value.toTupleRef().elements(), [env](const c10::IValue& e) { return fromIValue(env, e); });
  }
  throw ArgumentError("a result of type " + value.tagKind() + " cannot be given to JavaScript.");
}

c10::Device parseDevice(const std::string& name) {
  const c10::Device device(name);
  if (device.is_cuda() && !at::hasCUDA()) {
    throw ArgumentError("expected a device of this machine, got '" + name + "', but there is no CUDA device that this libtorch can use. "
                        "Use 'cpu', or run `codyra doctor` to see what is missing.");
  }
  return device;
}

c10::ScalarType parseScalarType(const std::string& name) {
  for (const auto& [candidate, type] : kScalarTypes) {
    if (name == candidate) return type;
  }
  throw ArgumentError("Unknown dtype '" + name + "': expected one of float32, float64, float16, bfloat16, uint8, int8, int16, int32, "
                      "int64, bool, complex64, complex128.");
}

std::string scalarTypeName(c10::ScalarType type) {
  for (const auto& [name, candidate] : kScalarTypes) {
    if (type == candidate) return name;
  }
  return c10::toString(type);
}

}  // namespace codyra
