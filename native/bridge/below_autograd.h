#pragma once

#include <ATen/core/stack.h>

#include "operators.h"

namespace codyra {

// True if autograd has nothing to record for this call. Its layers cost as much as a small operator and
// can be left out then.
bool canSkipAutograd(const Operator& op, const torch::jit::Stack& arguments);

// Calls the operator without autograd's layers. False when it returned a view of an argument, which autograd
// has to know. This call then has to be repeated with autograd, and the operator will not be called this way
// again.
bool callBelowAutograd(Operator& op, torch::jit::Stack& stack);

}  // namespace codyra
