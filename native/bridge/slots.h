#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

namespace codyra {

// A value as JavaScript names it: slot number in the low 24 bits, generation above, together at most 2^53, so
// a plain number. The generation makes a handle stale as soon as its slot is released, even after the slot
// was given to another value.
using Handle = double;

struct StaleHandle : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Values that JavaScript holds. One table per thread: a worker's handles mean nothing elsewhere, so no lock
// is needed.
template <typename Value>
class Slots {
 public:
  Handle add(Value value) {
    uint32_t index;
    if (free_.empty()) {
      if (slots_.size() >= kCapacity)
        throw std::length_error("more than 16 million live tensors; dispose of some");
      index = static_cast<uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      index = free_.back();
      free_.pop_back();
    }
    Slot& slot = slots_[index];
    slot.value = std::move(value);
    slot.isLive = true;
    return static_cast<Handle>((static_cast<uint64_t>(slot.generation) << kIndexBits) | index);
  }

  // Null for a handle that names nothing: NaN, stale, or never given out.
  Value* find(Handle handle) {
    if (!(handle >= 1 && handle < 9007199254740992.0)) return nullptr;
    const auto bits = static_cast<uint64_t>(handle);
    const uint64_t index = bits & (kCapacity - 1);
    if (index >= slots_.size()) return nullptr;
    Slot& slot = slots_[index];
    return slot.isLive && slot.generation == bits >> kIndexBits ? &slot.value : nullptr;
  }

  // Releasing twice does nothing. Returns what was released, so that its destructor runs where the caller
  // wants it.
  Value release(Handle handle) {
    Value* value = find(handle);
    if (value == nullptr) return Value();
    const auto index = static_cast<uint32_t>(static_cast<uint64_t>(handle) & (kCapacity - 1));
    Slot& slot = slots_[index];
    Value released = std::move(slot.value);
    slot.value = Value();
    slot.isLive = false;
    slot.generation = slot.generation == kLastGeneration ? 1 : slot.generation + 1;
    free_.push_back(index);
    return released;
  }

  template <typename Visit>
  void forEach(Visit visit) {
    for (Slot& slot : slots_) {
      if (slot.isLive) visit(slot.value);
    }
  }

 private:
  static constexpr int kIndexBits = 24;
  static constexpr uint64_t kCapacity = uint64_t{1} << kIndexBits;
  static constexpr uint32_t kLastGeneration = (uint32_t{1} << 29) - 1;

  struct Slot {
    Value value;
    uint32_t generation = 1;
    bool isLive = false;
  };

  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
};

struct HeldTensor {
  at::Tensor tensor;
  int64_t ownedBytes = 0;   // memory that came into being with it
  bool isReported = false;  // whether V8 was told of it, which its release takes back
};

Slots<HeldTensor>& tensors();
Slots<at::Generator>& generators();

// The tensor behind a handle. Throws StaleHandle with what to do.
const at::Tensor& tensorAt(Handle handle);

// Why a handle is not a live tensor, as the end of a sentence: "was disposed. Use it before dispose()."
const char* whyNotLive(Handle handle);

}  // namespace codyra
