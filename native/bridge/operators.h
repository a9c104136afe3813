#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace codyra {

// Kind of a schema's parameter, worked out once at lookup so that a call only switches on it.
enum class Kind {
  Tensor,
  Int,
  Float,
  Bool,
  String,
  Scalar,
  ScalarAsTensor,  // of an operator that is called through its overload for tensors
  ScalarType,
  Device,
  Layout,
  MemoryFormat,
  Generator,
  TensorList,
  OptionalTensorList,
  IntList,
  FloatList,
  BoolList,
  ScalarList,
  StringList,
  Unsupported,
};

struct Parameter {
  std::string name;
  std::string type;  // as the schema prints it
  Kind kind;
  bool isOptional;
  bool isKeywordOnly;
  std::optional<c10::IValue> defaultValue;
  std::optional<int32_t> broadcastLength;  // int[2]: one int stands for a list of two
};

struct Operator {
  c10::OperatorHandle handle;
  std::string name;  // with overload
  std::vector<Parameter> parameters;
  bool isFunctional;  // as far as is known, writes to no argument and returns no view of one
};

// Operators that were looked up, numbered in that order. One list per thread, as with the slots.
Operator& operatorAt(uint32_t id);
uint32_t findOperator(const std::string& name, const std::string& overload);

}  // namespace codyra
