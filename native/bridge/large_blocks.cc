#include "large_blocks.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

namespace codyra {
namespace {

void* map(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

void* LargeBlocks::take(size_t bytes) {
  const size_t size = rounded(bytes);
  if (size < bytes) return nullptr;  // beyond what a size can say
  std::vector<Block> dropped;
  void* memory = nullptr;
  {
    const std::lock_guard lock(mutex_);
    auto found = keptBySize_.find(size);
    if (found != keptBySize_.end()) {
      const auto block = found->second.back();  // the latest, whose pages may still be in a cache
      found->second.pop_back();
      if (found->second.empty()) keptBySize_.erase(found);
      memory = block->memory;
      statistics_.keptBytes -= size;
      kept_.erase(block);
    } else {
      memory = map(size);
      if (memory == nullptr) return nullptr;
    }
    used_.emplace(memory, size);
    statistics_.usedBytes += size;
    peakBytes_ = std::max(peakBytes_, statistics_.usedBytes);
    if (++taken_ == kWindow) closeWindow();
    dropped = surplus();
  }
  for (const Block& block : dropped) munmap(block.memory, block.bytes);
  return memory;
}

bool LargeBlocks::give(void* memory) {
  static const auto pageBytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  if (reinterpret_cast<uintptr_t>(memory) % pageBytes != 0)
    return false;  // nearly all others, without the lock
  std::vector<Block> dropped;
  {
    const std::lock_guard lock(mutex_);
    const auto found = used_.find(memory);
    if (found == used_.end()) return false;
    const size_t size = found->second;
    used_.erase(found);
    statistics_.usedBytes -= size;
    statistics_.keptBytes += size;
    keptBySize_[size].push_back(kept_.insert(kept_.end(), {memory, size}));
    dropped = surplus();
  }
  for (const Block& block : dropped) munmap(block.memory, block.bytes);
  return true;
}

LargeBlocks::Statistics LargeBlocks::statistics() {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

// Up to an eighth more, so that tensors of nearly one size share blocks.
size_t LargeBlocks::rounded(size_t bytes) {
  const size_t step = std::bit_floor(bytes) / 8;
  return (bytes + step - 1) / step * step;
}

size_t LargeBlocks::mostKept() const {
  const size_t recent = std::max(peakBytes_, previousPeakBytes_);
  return std::min(kMostKeptBytes, recent > statistics_.usedBytes ? recent - statistics_.usedBytes : 0);
}

void LargeBlocks::closeWindow() {
  previousPeakBytes_ = peakBytes_;
  peakBytes_ = statistics_.usedBytes;
  taken_ = 0;
}

// The longest kept of those that are too many; to be unmapped without the lock.
std::vector<LargeBlocks::Block> LargeBlocks::surplus() {
  std::vector<Block> dropped;
  while (statistics_.keptBytes > mostKept()) {
    const auto oldest = kept_.begin();
    auto sameSize = keptBySize_.find(oldest->bytes);
    sameSize->second.erase(std::find(sameSize->second.begin(), sameSize->second.end(), oldest));
    if (sameSize->second.empty()) keptBySize_.erase(sameSize);
    statistics_.keptBytes -= oldest->bytes;
    dropped.push_back(*oldest);
    kept_.erase(oldest);
  }
  return dropped;
}

}  // namespace codyra
