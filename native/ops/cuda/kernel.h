#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <c10/core/ScalarType.h>

namespace codyra::cuda {

/// A kernel of the source file with its name, and the compiler options that choose its types.
struct Kernel {
  std::string name;
  std::vector<std::string> options;
};

/// `-Dmacro=type`, with the types of numeric.cuh. Throws for dtypes that are not floating-point.
std::string type_option(const char* macro, c10::ScalarType dtype);

/// Blocks of 256 threads that the current device can run at the same time.
unsigned resident_blocks();

/// `arguments` point to the values of the kernel's parameters.
void launch_kernel(const Kernel& kernel, unsigned blocks, unsigned threads, void** arguments);

/**
 * Launches on the current stream of the current device. The kernel is compiled at its first use on a kind of
 * GPU. The arguments must have exactly the types of the kernel's parameters.
 */
template <typename... Arguments>
void launch(const Kernel& kernel, unsigned blocks, unsigned threads, const Arguments&... arguments) {
  void* pointers[] = {const_cast<void*>(static_cast<const void*>(&arguments))...};
  launch_kernel(kernel, blocks, threads, pointers);
}

}  // namespace codyra::cuda
