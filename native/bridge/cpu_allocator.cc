#include "cpu_allocator.h"

#include <c10/core/CPUAllocator.h>

#include "large_blocks.h"
#include "small_blocks.h"

namespace codyra {
namespace {

// Never destroyed: tensors may be released after the destructors of static objects ran.
SmallBlocks& smallBlocks() {
  static auto* blocks = new SmallBlocks();
  return *blocks;
}

LargeBlocks& largeBlocks() {
  static auto* blocks = new LargeBlocks();
  return *blocks;
}

c10::Allocator* fallback() { return c10::GetDefaultCPUAllocator(); }

class CpuAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* block = nullptr;
    if (bytes > 0 && bytes <= SmallBlocks::kBlockBytes) block = smallBlocks().take();
    else if (bytes >= LargeBlocks::kLeastBytes) block = largeBlocks().take(bytes);
    return block == nullptr ? fallback()->allocate(bytes)
                            : c10::DataPtr(block, block, &release, c10::Device(c10::kCPU));
  }

  c10::DeleterFnPtr raw_deleter() const override { return &release; }

  void copy_data(void* destination, const void* source, size_t bytes) const override {
    default_copy_data(destination, source, bytes);
  }

 private:
  static void release(void* memory) {
    if (smallBlocks().owns(memory)) smallBlocks().give(memory);
    else if (memory != nullptr && !largeBlocks().give(memory)) fallback()->raw_deallocate(memory);
  }
};

}  // namespace

void installCpuAllocator() {
  // Once, although every worker loads the addon. Never destroyed, as the blocks.
  static const bool isInstalled = [] {
    c10::SetCPUAllocator(new CpuAllocator());
    return true;
  }();
  static_cast<void>(isInstalled);
}

LargeBlockBytes largeBlockBytes() {
  const auto [used, kept] = largeBlocks().statistics();
  return {used, kept};
}

}  // namespace codyra
