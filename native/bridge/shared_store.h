#pragma once

#ifdef CODYRA_HAS_C10D

#include <torch/csrc/distributed/c10d/Store.hpp>

namespace codyra {

// Keys and values that all processes of a run see; one of them, or a launcher's agent, serves it.
struct SharedStore {
  c10::intrusive_ptr<c10d::Store> store;
};

}  // namespace codyra

#endif
