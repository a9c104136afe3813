#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace codyra {

// Rows of RGB pixels, 8 bits a channel.
struct Pixels {
  std::vector<uint8_t> data;
  int64_t width = 0;
  int64_t height = 0;
};

// True if the addon was built with libjpeg.
bool hasJpegDecoder();

// Decodes a grey or colour JPEG as Pillow does. Returns nothing for other files, for CMYK, and where the
// decoder as much as warns: a more careful decoder then takes over.
std::optional<Pixels> decodeJpeg(const uint8_t* bytes, size_t count);

}  // namespace codyra
