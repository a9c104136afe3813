#include "cubin_cache.h"

#include <c10/util/hash.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

namespace codyra::cuda {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> directory() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
  };
  if (const auto cache = variable("XDG_CACHE_HOME"); !cache.empty())
    return fs::path(cache) / "codyra/kernels";
  if (const auto home = variable("HOME"); !home.empty()) return fs::path(home) / ".cache/codyra/kernels";
  return std::nullopt;
}

// Before the cubin, so that a file cut short or changed is noticed: a driver need not refuse one.
std::string checksum(const std::string& cubin) { return c10::sha1(cubin).str(); }

}  // namespace

std::optional<std::string> read_cached(const std::string& key) {
  const auto folder = directory();
  if (!folder) return std::nullopt;
  std::ifstream file(*folder / (key + ".cubin"), std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto digits = key.size();
  if (content.size() <= digits || checksum(content.substr(digits)) != content.substr(0, digits))
    return std::nullopt;
  return content.substr(digits);
}

void write_cached(const std::string& key, const std::string& cubin) {
  const auto folder = directory();
  if (!folder) return;
  std::error_code error;
  fs::create_directories(*folder, error);
  // Threads share a number of process, and so do containers that share a home directory.
  std::random_device random;
  const auto unique = std::to_string(getpid()) + "-" + std::to_string(random()) + std::to_string(random());
  const auto temporary = *folder / (key + "." + unique + ".tmp");
  std::ofstream file(temporary, std::ios::binary);
  file << checksum(cubin) << cubin;
  file.close();
  if (file) fs::rename(temporary, *folder / (key + ".cubin"), error);
  if (!file || error) fs::remove(temporary, error);
}

}  // namespace codyra::cuda
