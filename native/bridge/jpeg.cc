// JPEG files by libjpeg, where the machine that built the addon has its headers: several times faster than a
// general image library.

#include "jpeg.h"

#ifdef CODYRA_HAS_JPEG

#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>

namespace codyra {
namespace {

constexpr uint64_t kMostPixels = 1 << 28;  // as sharp's limit

struct ErrorManager {
  jpeg_error_mgr base;
  std::jmp_buf jump;
};

// libjpeg is C: it leaves by a jump, so that between here and setjmp no object with a destructor may be
// alive.
void leave(j_common_ptr info) { std::longjmp(reinterpret_cast<ErrorManager*>(info->err)->jump, 1); }

void leaveAtWarning(j_common_ptr info, int level) {
  if (level < 0) leave(info);
}

// Decodes into `pixels`, sized when the header is known.
bool decode(jpeg_decompress_struct& info, ErrorManager& errors, const uint8_t* bytes, size_t count,
            Pixels& pixels) {
  if (setjmp(errors.jump) != 0) return false;
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes, count);
  if (jpeg_read_header(&info, TRUE) != JPEG_HEADER_OK) return false;
  if (info.num_components != 1 && info.num_components != 3) return false;
  if (static_cast<uint64_t>(info.image_width) * info.image_height > kMostPixels) return false;
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  const size_t stride = 3 * static_cast<size_t>(info.output_width);
  pixels.width = info.output_width;
  pixels.height = info.output_height;
  pixels.data.resize(stride * info.output_height);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = pixels.data.data() + stride * info.output_scanline;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  return true;
}

}  // namespace

bool hasJpegDecoder() { return true; }

std::optional<Pixels> decodeJpeg(const uint8_t* bytes, size_t count) {
  if (count < 3 || bytes[0] != 0xff || bytes[1] != 0xd8 || bytes[2] != 0xff) return std::nullopt;
  jpeg_decompress_struct info{};
  ErrorManager errors;
  info.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = leave;
  errors.base.emit_message = leaveAtWarning;
  errors.base.output_message = [](j_common_ptr) {};
  Pixels pixels;
  const bool isDecoded = decode(info, errors, bytes, count, pixels);
  jpeg_destroy_decompress(&info);
  return isDecoded ? std::optional(std::move(pixels)) : std::nullopt;
}

}  // namespace codyra

#else

namespace codyra {

bool hasJpegDecoder() { return false; }

std::optional<Pixels> decodeJpeg(const uint8_t*, size_t) { return std::nullopt; }

}  // namespace codyra

#endif
