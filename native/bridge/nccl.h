#pragma once

#ifdef CODYRA_HAS_C10D

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>

namespace codyra {

// True if the addon was built where nccl.h is.
bool hasNccl();

// NCCL's communication between GPUs, of all processes that call it. Each has to have a GPU of its own.
c10::intrusive_ptr<c10d::Backend> makeNccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                           std::chrono::milliseconds timeout);

}  // namespace codyra

#endif
