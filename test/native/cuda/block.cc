#include "block.h"

#include <sanitizer/common_interface_defs.h>
#include <ucontext.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

// The linker's names for the ends of the section that holds all shared memory.
extern char shared_begin[] __asm__("__start_shared") __attribute__((weak));
extern char shared_end[] __asm__("__stop_shared") __attribute__((weak));

namespace emulation {

Index threadIdx, blockIdx, blockDim, gridDim;

namespace {

constexpr size_t stack_bytes = 256 << 10;

struct Thread {
  ucontext_t context;
  std::unique_ptr<char[]> stack{new char[stack_bytes]};
  void* sanitizer = nullptr;  // what AddressSanitizer keeps of a stack that is left
  bool has_ended = false;
};

struct Scheduler {
  ucontext_t context;
  void* sanitizer = nullptr;
  const void* stack = nullptr;
  size_t bytes = 0;
};

Scheduler scheduler;
Thread* current = nullptr;
const std::function<void()>* body = nullptr;

void start() {
  __sanitizer_finish_switch_fiber(nullptr, &scheduler.stack, &scheduler.bytes);
  (*body)();
  current->has_ended = true;
  __sanitizer_start_switch_fiber(nullptr, scheduler.stack, scheduler.bytes);
  swapcontext(&current->context, &scheduler.context);
}

/// Runs a thread until it ends or waits.
void resume(Thread& thread, unsigned index) {
  current = &thread;
  threadIdx.x = index;
  __sanitizer_start_switch_fiber(&scheduler.sanitizer, thread.stack.get(), stack_bytes);
  swapcontext(&scheduler.context, &thread.context);
  __sanitizer_finish_switch_fiber(scheduler.sanitizer, nullptr, nullptr);
}

/// Shared memory holds nothing yet when a block starts: as floating-point numbers these bytes are NaN.
__attribute__((no_sanitize("address"))) void spoil_shared_memory() {
  for (volatile char* byte = shared_begin; byte < shared_end; byte++) *byte = '\xff';
}

void run_block(std::vector<Thread>& threads, Order order) {
  for (auto& thread : threads) {
    thread.has_ended = false;
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack.get();
    thread.context.uc_stack.ss_size = stack_bytes;
    thread.context.uc_link = nullptr;
    makecontext(&thread.context, start, 0);
  }
  const unsigned count = threads.size();
  for (unsigned ended = 0; ended < count;) {
    for (unsigned i = 0; i < count; i++) {
      const unsigned index = order == Order::forward ? i : count - 1 - i;
      if (threads[index].has_ended) continue;
      resume(threads[index], index);
      ended += threads[index].has_ended;
    }
    if (ended > 0 && ended < count) {
      fprintf(stderr, "%u of %u threads of block %u wait for threads that have ended\n", count - ended, count, blockIdx.x);
      abort();
    }
  }
}

}  // namespace

void run_grid(unsigned blocks, unsigned threads, Order order, const std::function<void()>& kernel) {
  body = &kernel;
  gridDim.x = blocks;
  blockDim.x = threads;
  std::vector<Thread> block(threads);
  for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++) {
    spoil_shared_memory();
    run_block(block, order);
  }
}

void wait_for_block() {
  auto& thread = *current;
  const auto index = threadIdx;
  __sanitizer_start_switch_fiber(&thread.sanitizer, scheduler.stack, scheduler.bytes);
  swapcontext(&thread.context, &scheduler.context);
  __sanitizer_finish_switch_fiber(thread.sanitizer, &scheduler.stack, &scheduler.bytes);
  threadIdx = index;
}

}  // namespace emulation
