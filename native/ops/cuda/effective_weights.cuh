// Arguments of the kernel in effective_weights.cu, as host and device both see them.
#pragma once

namespace codyra::cuda {

constexpr int tile_rows = 64, tile_columns = 256, tile_threads = 256;

/// W [P·d, k], A [P, r, k], B [P, d, r] and w [P, r] of one linear layer.
struct Layer {
  const void* weight;
  void* result;  // [P·d, k], may be the weight itself
  const void* lora_a;
  const void* lora_b;
  const void* importance;
  long long* active;  // [P], receives how many importance weights are not zero; null where nobody asks
  int out_features, in_features, rank;  // d, k, r
  int first_tile;
};

/// Passed by value, so that a captured graph holds the pointers itself: at most 32 KB.
struct Layers {
  static constexpr int capacity = 128;
  int count;
  bool prune;  // leave out ranks of zero importance, so that an overflow in their factors has no effect
  Layer layer[capacity];
};

}  // namespace codyra::cuda
