#pragma once

#include <array>
#include <cstddef>
#include <mutex>

namespace codyra {

// A megabyte, cut into blocks that are handed out last in, first out, so that they stay in the cache. Never
// grows. For tensors of a few hundred bytes, posix_memalign and free cost about as much as everything else
// that an operator does.
class SmallBlocks {
 public:
  static constexpr size_t kBlockBytes = 512;

  SmallBlocks() {
    for (Block& block : blocks_) give(&block);
  }

  // Null when all blocks are taken.
  void* take() {
    const std::lock_guard lock(mutex_);
    Block* block = free_;
    if (block != nullptr) free_ = block->next;
    return block;
  }

  void give(void* memory) {
    auto* block = static_cast<Block*>(memory);
    const std::lock_guard lock(mutex_);
    block->next = free_;
    free_ = block;
  }

  bool owns(const void* memory) const {
    return memory >= blocks_.data() && memory < blocks_.data() + kBlocks;
  }

 private:
  static constexpr size_t kBlocks = 2048;

  union alignas(64) Block {
    Block* next;
    std::byte bytes[kBlockBytes];
  };

  std::array<Block, kBlocks> blocks_;
  Block* free_ = nullptr;
  std::mutex mutex_;
};

}  // namespace codyra
