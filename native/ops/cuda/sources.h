#pragma once

#include <map>
#include <string>

namespace codyra::cuda {

/// The text of every .cu and .cuh file of this folder by its name. CMake generates the definition.
const std::map<std::string, std::string>& sources();

}  // namespace codyra::cuda
