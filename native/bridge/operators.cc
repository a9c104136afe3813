#include "operators.h"

#include <ATen/core/jit_type.h>

#include <algorithm>
#include <deque>
#include <map>
#include <stdexcept>
#include <utility>

namespace codyra {
namespace {

using c10::TypeKind;

Kind kindOfElement(const c10::Type& type) {
  switch (type.kind()) {
    case TypeKind::TensorType: return Kind::TensorList;
    case TypeKind::IntType:
    case TypeKind::SymIntType: return Kind::IntList;
    case TypeKind::FloatType: return Kind::FloatList;
    case TypeKind::BoolType: return Kind::BoolList;
    case TypeKind::NumberType: return Kind::ScalarList;
    case TypeKind::StringType: return Kind::StringList;
    case TypeKind::OptionalType: {
      const auto inner = type.castRaw<c10::OptionalType>()->getElementType();
      return inner->kind() == TypeKind::TensorType ? Kind::OptionalTensorList : Kind::Unsupported;
    }
    default: return Kind::Unsupported;
  }
}

Kind kindOf(const c10::Type& type) {
  switch (type.kind()) {
    case TypeKind::TensorType: return Kind::Tensor;
    case TypeKind::IntType:
    case TypeKind::SymIntType: return Kind::Int;
    case TypeKind::FloatType: return Kind::Float;
    case TypeKind::BoolType:
    case TypeKind::SymBoolType: return Kind::Bool;
    case TypeKind::AnyType:  // of collectives, which take a group by its name
    case TypeKind::StringType: return Kind::String;
    case TypeKind::NumberType: return Kind::Scalar;
    case TypeKind::ScalarTypeType: return Kind::ScalarType;
    case TypeKind::LayoutType: return Kind::Layout;
    case TypeKind::MemoryFormatType: return Kind::MemoryFormat;
    case TypeKind::DeviceObjType: return Kind::Device;
    case TypeKind::GeneratorType: return Kind::Generator;
    case TypeKind::ListType: return kindOfElement(*type.castRaw<c10::ListType>()->getElementType());
    default: return Kind::Unsupported;
  }
}

Parameter describe(const c10::Argument& argument) {
  // real_type: `type` hides ScalarType, Layout and MemoryFormat behind int.
  c10::TypePtr type = argument.real_type();
  const std::string text = type->str();
  bool isOptional = false;
  if (const auto* optional = type->castRaw<c10::OptionalType>()) {
    isOptional = true;
    type = optional->getElementType();
  }
  return {argument.name(),          text,        kindOf(*type), isOptional, argument.kwarg_only(),
          argument.default_value(), argument.N()};
}

// A collective in flight shares the storage of its result. Taken for a view of an argument, it would be
// issued twice, and the processes would no longer agree on which one is which.
bool isCollective(const std::string& name) { return name.find("c10d") != std::string::npos; }

bool isFunctional(const c10::FunctionSchema& schema) {
  if (isCollective(schema.name())) return false;
  const auto isFresh = [](const c10::Argument& argument) { return argument.alias_info() == nullptr; };
  return std::all_of(schema.arguments().begin(), schema.arguments().end(), isFresh) &&
         std::all_of(schema.returns().begin(), schema.returns().end(), isFresh);
}

// Calls an operator as Python does, whose numbers are tensors without dimensions. mul_.Scalar itself rounds
// its number to the dtype of the tensor first: 0.9 is 0.8984 for bfloat16.
void passNumberAsTensor(Operator& op, const char* overload) {
  const std::string name = op.handle.schema().name();
  op.handle = c10::Dispatcher::singleton().findSchemaOrThrow(name.c_str(), overload);
  for (Parameter& parameter : op.parameters) {
    if (parameter.kind == Kind::Scalar) parameter.kind = Kind::ScalarAsTensor;
  }
}

struct Registry {
  std::deque<Operator> operators;
  std::map<std::pair<std::string, std::string>, uint32_t> ids;
};

Registry& registry() {
  thread_local Registry instance;
  return instance;
}

}  // namespace

Operator& operatorAt(uint32_t id) {
  auto& operators = registry().operators;
  if (id >= operators.size())
    throw std::out_of_range("unknown operator number; get one from findOperator(name, overload)");
  return operators[id];
}

uint32_t findOperator(const std::string& name, const std::string& overload) {
  Registry& known = registry();
  const auto key = std::make_pair(name, overload);
  if (const auto found = known.ids.find(key); found != known.ids.end()) return found->second;

  const auto handle = c10::Dispatcher::singleton().findSchema({name.c_str(), overload.c_str()});
  const std::string fullName = overload.empty() ? name : name + "." + overload;
  if (!handle) {
    std::string overloads;
    for (const auto& candidate : c10::Dispatcher::singleton().getAllOpNames()) {
      if (candidate.name == name)
        overloads += (overloads.empty() ? "" : ", ") + std::string("'") + candidate.overload_name + "'";
    }
    throw std::invalid_argument(
        "unknown operator " + fullName + ": expected an operator of this libtorch" +
        (overloads.empty() ? "." : ", which has the overloads " + overloads + " of " + name + ".") +
        " Check the name against torch's operator schemas.");
  }
  Operator entry{*handle, fullName, {}, isFunctional(handle->schema())};
  for (const auto& argument : handle->schema().arguments()) entry.parameters.push_back(describe(argument));
  if (fullName == "aten::mul_.Scalar") passNumberAsTensor(entry, "Tensor");
  known.operators.push_back(std::move(entry));
  const auto id = static_cast<uint32_t>(known.operators.size() - 1);
  known.ids.emplace(key, id);
  return id;
}

}  // namespace codyra
