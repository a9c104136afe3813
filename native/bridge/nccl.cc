#include "nccl.h"

#ifdef CODYRA_HAS_C10D

#ifdef CODYRA_HAS_NCCL

#define USE_C10D_NCCL  // c10d's header is empty without it
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

namespace codyra {

bool hasNccl() { return true; }

c10::intrusive_ptr<c10d::Backend> makeNccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                           std::chrono::milliseconds timeout) {
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, std::move(options));
}

}  // namespace codyra

#else

#include <stdexcept>

namespace codyra {

bool hasNccl() { return false; }

c10::intrusive_ptr<c10d::Backend> makeNccl(const c10::intrusive_ptr<c10d::Store>&, int, int,
                                           std::chrono::milliseconds) {
  throw std::logic_error("the addon was built without nccl.h.");
}

}  // namespace codyra

#endif

#endif
