// libtorch's wheels have c10d's headers and export Gloo's symbols, but leave Gloo's own headers out. These
// stubs declare what c10d's header names: types behind pointers, two functions, and a base class.
#pragma once

#include <chrono>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
  void closeConnections();
};

}  // namespace gloo
