#include "compile.h"

#include <c10/util/Exception.h>
#include <c10/util/StringUtil.h>
#include <c10/util/hash.h>

#include "cubin_cache.h"
#include "driver.h"
#include "sources.h"

namespace codyra::cuda {
namespace {

struct Program {
  nvrtcProgram handle = nullptr;

  explicit Program(const std::string& name) {
    std::vector<const char*> names, texts;
    for (const auto& [header, text] : sources()) {
      if (!header.ends_with(".cuh")) continue;
      names.push_back(header.c_str());
      texts.push_back(text.c_str());
    }
    check(nvrtc().create_program(&handle, sources().at(name).c_str(), name.c_str(),
                                 static_cast<int>(names.size()), texts.data(), names.data()),
          "create a program");
  }
  ~Program() { nvrtc().destroy_program(&handle); }
  Program(const Program&) = delete;

  std::string log() const {
    size_t size = 0;
    nvrtc().get_program_log_size(handle, &size);
    std::string text(size, '\0');
    nvrtc().get_program_log(handle, text.data());
    return text.c_str();  // without the terminating zero
  }
};

std::string compile_source(const std::string& name, const std::vector<std::string>& options) {
  const Program program(name);
  std::vector<const char*> arguments;
  for (const auto& option : options) arguments.push_back(option.c_str());
  const auto result =
      nvrtc().compile_program(program.handle, static_cast<int>(arguments.size()), arguments.data());
  TORCH_CHECK(result == NVRTC_SUCCESS, "CUDA kernels: expected ", name, " to compile with ",
              c10::Join(" ", options), ", got ", nvrtc().get_error_string(result), ".\n", program.log(),
              "Use a torch whose CUDA supports this GPU, or the device cpu.");
  size_t size = 0;
  check(nvrtc().get_cubin_size(program.handle, &size), "find the size of a cubin");
  std::string cubin(size, '\0');
  check(nvrtc().get_cubin(program.handle, cubin.data()), "read a cubin");
  return cubin;
}

/// Whatever the cubin depends on.
std::string cache_key(const std::string& name, const std::vector<std::string>& options) {
  int major = 0, minor = 0;
  check(nvrtc().version(&major, &minor), "read its version");
  std::string identity = name + '\n' + std::to_string(major) + '.' + std::to_string(minor) + '\n';
  for (const auto& option : options) identity += option + '\n';
  for (const auto& [file, text] : sources()) {
    if (file == name || file.ends_with(".cuh")) identity += text;
  }
  return c10::sha1(identity).str();
}

}  // namespace

std::string compile(const std::string& name, const std::vector<std::string>& options) {
  const auto source = name + ".cu";
  const auto key = cache_key(source, options);
  if (const auto cached = read_cached(key)) return *cached;
  const auto cubin = compile_source(source, options);
  write_cached(key, cubin);
  return cubin;
}

}  // namespace codyra::cuda
