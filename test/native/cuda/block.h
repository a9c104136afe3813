// A grid of CUDA threads on one thread of the CPU. Blocks run one after another. The threads of a block take
// turns, each until it ends or waits for the others.
#pragma once

#include <functional>

namespace emulation {

struct Index {
  unsigned x = 0;
};

extern Index threadIdx, blockIdx, blockDim, gridDim;

/// In what order the threads of a block take turns: what depends on it lacks a __syncthreads().
enum class Order { forward, backward };

/// Ends the process where a thread has returned that others wait for.
void run_grid(unsigned blocks, unsigned threads, Order order, const std::function<void()>& kernel);

/// __syncthreads(): returns when all threads of the block have come here.
void wait_for_block();

}  // namespace emulation
