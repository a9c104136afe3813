// Arguments of an emulated kernel: numbers from the command line, arrays from the standard input.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "block.h"

namespace emulation {

/// The numbers after the program's name, one after another.
class Numbers {
 public:
  explicit Numbers(char** arguments) : next_(arguments + 1) {}

  double take() {
    if (*next_ == nullptr) {
      fprintf(stderr, "expected another number on the command line\n");
      exit(2);
    }
    return strtod(*next_++, nullptr);
  }

 private:
  char** next_;
};

/**
 * Bytes that begin `offset` bytes after an aligned address and end where AddressSanitizer notices what goes
 * further. On the input an array is its offset and its length, both int64, and its bytes.
 */
class Array {
 public:
  Array() {
    int64_t header[2];
    read(header, sizeof header);
    offset_ = header[0];
    bytes_ = header[1];
    memory_ = static_cast<char*>(malloc(offset_ + bytes_));
    read(memory_ + offset_, bytes_);
  }
  ~Array() { free(memory_); }
  Array(const Array&) = delete;

  template <typename T>
  T* data() {
    return bytes_ == 0 ? nullptr : reinterpret_cast<T*>(memory_ + offset_);
  }

  void write() const { fwrite(memory_ + offset_, 1, bytes_, stdout); }

 private:
  static void read(void* target, size_t bytes) {
    if (fread(target, 1, bytes, stdin) == bytes) return;
    fprintf(stderr, "expected another array on the standard input\n");
    exit(2);
  }

  int64_t offset_, bytes_;
  char* memory_;
};

}  // namespace emulation
