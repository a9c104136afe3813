// Images to squares of pixels, on the threads of libuv's pool: JavaScript's own thread only starts and
// collects the work.

#include <ATen/Parallel.h>
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "arguments.h"
#include "errors.h"
#include "jpeg.h"
#include "module.h"

extern "C" void omp_set_num_threads(int);

namespace codyra {
namespace {

constexpr int64_t kMostResizedPixels = 1 << 26;

// How an image becomes a square: its shorter side is resized to `shortSide` and the middle cut out, or it is
// stretched.
struct Square {
  int64_t size = 0;
  int64_t shortSide = 0;  // 0 to stretch
  bool isBilinear = false;
};

// One image is one thread's work; others work on other images.
void useOneThread() {
  at::get_num_threads();  // ATen sets up its number of threads in every thread at the first call, and would undo ours
  omp_set_num_threads(1);
}

at::Tensor resize(const at::Tensor& image, int64_t height, int64_t width, bool isBilinear) {
  const std::array size{height, width};
  return isBilinear ? at::_upsample_bilinear2d_aa(image, size, /*align_corners=*/false)
                    : at::_upsample_bicubic2d_aa(image, size, /*align_corners=*/false);
}

// Bicubic or bilinear with antialiasing, as Pillow, which does the height first where that saves work; the
// middle as transformers cuts it.
std::vector<uint8_t> resizeToSquare(const uint8_t* pixels, int64_t width, int64_t height,
                                    const Square& square) {
  const auto [size, shortSide, isBilinear] = square;
  const int64_t shorter = std::min(width, height);
  const int64_t newWidth = shortSide == 0 ? size : shortSide * width / shorter;
  const int64_t newHeight = shortSide == 0 ? size : shortSide * height / shorter;
  if (newWidth * newHeight > kMostResizedPixels) {
    throw std::runtime_error(
        "Image of " + c10::str(width, " × ", height) + " pixels: expected at most " +
        c10::str(kMostResizedPixels, " pixels after resizing, got ", newWidth, " × ", newHeight) +
        ". Crop it, or leave it out.");
  }
  const c10::InferenceMode inference;
  auto image =
      at::from_blob(const_cast<uint8_t*>(pixels), {1, height, width, 3}, at::kByte).permute({0, 3, 1, 2});
  if (height > newHeight && height - newHeight > 2 * (width - newWidth))
    image = resize(image, newHeight, width, isBilinear);
  image = resize(image, newHeight, newWidth, isBilinear);
  const auto rows = image.select(0, 0).permute({1, 2, 0});  // [newHeight, newWidth, 3]
  const auto middle =
      rows.narrow(0, (newHeight - size) / 2, size).narrow(1, (newWidth - size) / 2, size).contiguous();
  const auto* data = middle.const_data_ptr<uint8_t>();
  return {data, data + middle.numel()};
}

// All work on images promises `{ pixels, width, height }`, with the size before the change. It promises
// undefined if the work says that it is not for it.
class ImageWorker : public Napi::AsyncWorker {
 public:
  ImageWorker(Napi::Env env, std::vector<uint8_t> input, std::optional<Square> square)
      : AsyncWorker(env),
        input_(std::move(input)),
        square_(square),
        deferred_(Napi::Promise::Deferred::New(env)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override {
    useOneThread();
    result_ = work();
  }

  void OnOK() override {
    try {
      resolve();
    } catch (const std::exception& error) {  // node-addon-api would let it end the process
      deferred_.Reject(Napi::Error::New(Env(), error.what()).Value());
    }
  }

  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 protected:
  virtual std::optional<Pixels> work() = 0;

  // A copy: JavaScript may change or give away its own while this thread reads.
  std::vector<uint8_t> input_;
  std::optional<Square> square_;

 private:
  void resolve() {
    if (!result_) return deferred_.Resolve(Env().Undefined());
    auto image = Napi::Object::New(Env());
    auto* data = new std::vector<uint8_t>(std::move(result_->data));
    image["pixels"] = Napi::Buffer<uint8_t>::New(
        Env(), data->data(), data->size(),
        [](Napi::Env, uint8_t*, std::vector<uint8_t>* owner) { delete owner; }, data);
    image["width"] = static_cast<double>(result_->width);
    image["height"] = static_cast<double>(result_->height);
    deferred_.Resolve(image);
  }

  std::optional<Pixels> result_;
  Napi::Promise::Deferred deferred_;
};

class JpegWorker final : public ImageWorker {
  using ImageWorker::ImageWorker;

  std::optional<Pixels> work() override {
    auto image = decodeJpeg(input_.data(), input_.size());
    if (image && square_)
      image->data = resizeToSquare(image->data.data(), image->width, image->height, *square_);
    return image;
  }
};

class ResizeWorker final : public ImageWorker {
 public:
  ResizeWorker(Napi::Env env, std::vector<uint8_t> input, int64_t width, int64_t height, Square square)
      : ImageWorker(env, std::move(input), square), width_(width), height_(height) {}

 private:
  std::optional<Pixels> work() override {
    return Pixels{resizeToSquare(input_.data(), width_, height_, *square_), width_, height_};
  }

  int64_t width_;
  int64_t height_;
};

std::vector<uint8_t> compressedBytesArgument(const Napi::CallbackInfo& info, size_t i) {
  return typedArrayArgument<uint8_t>(info, i, napi_uint8_array, "Uint8Array");
}

int64_t sideArgument(const Napi::CallbackInfo& info, size_t i, int64_t least) {
  constexpr int64_t most = 1 << 20;
  const double value = numberOrNaN(info[i]);
  if (!(value >= static_cast<double>(least) && value <= most) || value != std::trunc(value)) {
    throw std::invalid_argument("expected a number of pixels from " + std::to_string(least) + " to " +
                                std::to_string(most) + ".");
  }
  return static_cast<int64_t>(value);
}

Square squareArgument(const Napi::CallbackInfo& info, size_t i) {
  const Square square{sideArgument(info, i, 1), sideArgument(info, i + 1, 0), info[i + 2].ToBoolean()};
  if (square.shortSide != 0 && square.shortSide < square.size) {
    throw std::invalid_argument("expected a shorter side of at least the size that is cut out, got " +
                                c10::str(square.shortSide, " and ", square.size, "."));
  }
  return square;
}

template <typename Worker>
Napi::Value queue(Worker* worker) {
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  return promise;
}

// decodeJpeg(bytes[, size, shortSide, isBilinear])
Napi::Value decodeJpegAsync(const Napi::CallbackInfo& info) {
  const auto square = info.Length() > 1 ? std::optional(squareArgument(info, 1)) : std::nullopt;
  return queue(new JpegWorker(info.Env(), compressedBytesArgument(info, 0), square));
}

// resizeToSquare(pixels, width, height, size, shortSide, isBilinear)
Napi::Value resizeToSquareAsync(const Napi::CallbackInfo& info) {
  auto pixels = compressedBytesArgument(info, 0);
  const int64_t width = sideArgument(info, 1, 1), height = sideArgument(info, 2, 1);
  if (static_cast<int64_t>(pixels.size()) != 3 * width * height) {
    throw std::invalid_argument(
        "expected " + c10::str(3 * width * height, " bytes of RGB pixels, got ", pixels.size(), "."));
  }
  return queue(new ResizeWorker(info.Env(), std::move(pixels), width, height, squareArgument(info, 3)));
}

Napi::Value hasJpegDecoderValue(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), hasJpegDecoder());
}

}  // namespace

void exportImages(Napi::Object exports) {
  exportFunction<decodeJpegAsync>(exports, "decodeJpeg");
  exportFunction<resizeToSquareAsync>(exports, "resizeToSquare");
  exportFunction<hasJpegDecoderValue>(exports, "hasJpegDecoder");
}

}  // namespace codyra
