#pragma once

namespace codyra {

// Makes libtorch take small blocks of CPU memory from a pool. For tensors of a few hundred bytes,
// posix_memalign and free cost about as much as everything else that an operator does.
void installSmallBlockAllocator();

}  // namespace codyra
