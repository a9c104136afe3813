#pragma once

#include <ATen/core/stack.h>

#include "operators.h"

namespace codyra {

// Whether autograd has nothing to record for this call, so that its layers, which cost as much as a small
// operator, can be left out.
bool canSkipAutograd(const Operator& op, const torch::jit::Stack& arguments);

// Calls the operator without autograd's layers. False when it returned a view of an argument, which autograd
// has to know: then the operator will not be called this way again, and this call has to be repeated with
// autograd.
bool callBelowAutograd(Operator& op, torch::jit::Stack& stack);

}  // namespace codyra
