#include "small_blocks.h"

#include <c10/core/CPUAllocator.h>

#include <array>
#include <cstddef>
#include <mutex>

namespace codyra {
namespace {

constexpr size_t kBlockBytes = 512;
constexpr size_t kBlocks = 2048;

union alignas(64) Block {
  Block* next;
  std::byte bytes[kBlockBytes];
};

// A megabyte, cut into blocks that are handed out last in, first out, so that they stay in the cache. Never
// grows.
class BlockPool {
 public:
  BlockPool() {
    for (Block& block : blocks_) give(&block);
  }

  // Null when all blocks are taken.
  Block* take() {
    const std::lock_guard lock(mutex_);
    Block* block = free_;
    if (block != nullptr) free_ = block->next;
    return block;
  }

  void give(Block* block) {
    const std::lock_guard lock(mutex_);
    block->next = free_;
    free_ = block;
  }

  bool owns(const void* memory) const { return memory >= blocks_.data() && memory < blocks_.data() + kBlocks; }

 private:
  std::array<Block, kBlocks> blocks_;
  Block* free_ = nullptr;
  std::mutex mutex_;
};

class SmallBlockAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    Block* block = bytes > 0 && bytes <= kBlockBytes ? pool().take() : nullptr;
    return block == nullptr ? fallback()->allocate(bytes) : c10::DataPtr(block, block, &release, c10::Device(c10::kCPU));
  }

  c10::DeleterFnPtr raw_deleter() const override { return &release; }

  void copy_data(void* destination, const void* source, size_t bytes) const override {
    default_copy_data(destination, source, bytes);
  }

 private:
  static c10::Allocator* fallback() { return c10::GetDefaultCPUAllocator(); }

  // Never destroyed: tensors may be released after the destructors of static objects ran.
  static BlockPool& pool() {
    static auto* instance = new BlockPool();
    return *instance;
  }

  static void release(void* memory) {
    if (pool().owns(memory)) pool().give(static_cast<Block*>(memory));
    else fallback()->raw_deallocate(memory);
  }
};

}  // namespace

void installSmallBlockAllocator() {
  static auto* allocator = new SmallBlockAllocator();  // never destroyed, as the pool
  c10::SetCPUAllocator(allocator);
}

}  // namespace codyra
