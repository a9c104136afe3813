// Compiled kernels in the user's cache directory: $XDG_CACHE_HOME/codyra/kernels, or ~/.cache/codyra/kernels.
#pragma once

#include <optional>
#include <string>

namespace codyra::cuda {

/// Nothing where there is no such file or it is damaged.
std::optional<std::string> read_cached(const std::string& key);

/// Where the directory cannot be written nothing is kept, and the next process compiles again.
void write_cached(const std::string& key, const std::string& cubin);

}  // namespace codyra::cuda
