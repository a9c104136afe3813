#pragma once

#include <cstddef>

namespace codyra {

// Makes libtorch take CPU memory for small tensors from a pool, and for large ones from a cache of blocks.
void installCpuAllocator();

// Bytes of large blocks, in tensors and kept for the next ones, of all threads together.
struct LargeBlockBytes {
  size_t used;
  size_t kept;
};
LargeBlockBytes largeBlockBytes();

}  // namespace codyra
