#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace codyra {

// Memory of large tensors, kept for the next ones of their size. Otherwise every activation of a training
// step is mapped anew and its pages are cleared one fault at a time. That takes a tenth of a ViT-B/16 step.
//
// Kept blocks and those in use never exceed together what was in use at once a short while ago. Keeping them
// thus does not raise the peak memory of a process.
class LargeBlocks {
 public:
  static constexpr size_t kLeastBytes = size_t{1} << 20;

  // Null when the system has no memory. Aligned to a page, and with unspecified content.
  void* take(size_t bytes);

  // False for memory that is not from here.
  bool give(void* memory);

  struct Statistics {
    size_t usedBytes = 0;  // in tensors
    size_t keptBytes = 0;  // for the next ones
  };
  Statistics statistics();

 private:
  static constexpr size_t kMostKeptBytes = size_t{2} << 30;
  static constexpr int kWindow = 1024;  // blocks taken; a step of ViT-B/16 takes some hundred

  struct Block {
    void* memory;
    size_t bytes;
  };

  static size_t rounded(size_t bytes);
  size_t mostKept() const;
  void closeWindow();
  std::vector<Block> surplus();

  std::mutex mutex_;
  std::unordered_map<void*, size_t> used_;
  std::list<Block> kept_;  // the longest kept first
  std::unordered_map<size_t, std::vector<std::list<Block>::iterator>> keptBySize_;
  Statistics statistics_;
  size_t peakBytes_ = 0;          // most in use at once in this window
  size_t previousPeakBytes_ = 0;  // and in the one before
  int taken_ = 0;
};

}  // namespace codyra
