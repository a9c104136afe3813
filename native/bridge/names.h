#pragma once

#include <c10/core/Device.h>
#include <c10/core/Layout.h>
#include <c10/core/MemoryFormat.h>
#include <c10/core/ScalarType.h>

#include <array>
#include <string>
#include <utility>

namespace codyra {

// JavaScript's names of dtypes, layouts and memory formats.
template <typename Value, size_t Count>
using Names = std::array<std::pair<const char*, Value>, Count>;

inline constexpr Names<c10::ScalarType, 18> kScalarTypes = {{
    {"float32", c10::kFloat},
    {"float64", c10::kDouble},
    {"float16", c10::kHalf},
    {"bfloat16", c10::kBFloat16},
    {"uint8", c10::kByte},
    {"int8", c10::kChar},
    {"int16", c10::kShort},
    {"int32", c10::kInt},
    {"int64", c10::kLong},
    {"bool", c10::kBool},
    {"complex64", c10::kComplexFloat},
    {"complex128", c10::kComplexDouble},
    {"float8_e4m3fn", c10::kFloat8_e4m3fn},
    {"float8_e5m2", c10::kFloat8_e5m2},
    {"uint16", c10::kUInt16},
    {"uint32", c10::kUInt32},
    {"uint64", c10::kUInt64},
    {"complex32", c10::kComplexHalf},
}};

inline constexpr Names<c10::Layout, 3> kLayouts = {{
    {"strided", c10::kStrided},
    {"sparse", c10::kSparse},
    {"sparse_csr", c10::kSparseCsr},
}};

inline constexpr Names<c10::MemoryFormat, 4> kMemoryFormats = {{
    {"contiguous", c10::MemoryFormat::Contiguous},
    {"preserve", c10::MemoryFormat::Preserve},
    {"channels_last", c10::MemoryFormat::ChannelsLast},
    {"channels_last_3d", c10::MemoryFormat::ChannelsLast3d},
}};

// Throws where no such device can be used, with what to do.
c10::Device parseDevice(const std::string& name);

c10::ScalarType parseScalarType(const std::string& name);
std::string scalarTypeName(c10::ScalarType type);

}  // namespace codyra
