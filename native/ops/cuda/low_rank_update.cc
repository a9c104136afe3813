#include "low_rank_update.h"

#include <c10/core/DeviceGuard.h>
#include <c10/util/Exception.h>

#include <vector>

#include "../checks.h"
#include "effective_weights.cuh"
#include "kernel.h"

namespace codyra::cuda {
namespace {

using at::Tensor;

int ceil_div(int64_t a, int64_t b) { return static_cast<int>((a + b - 1) / b); }

/// The arguments of one launch, filled layer by layer.
class Batch {
 public:
  Batch(Kernel kernel, bool prune) : kernel_(std::move(kernel)) { layers_.prune = prune; }

  void add(Layer layer, int64_t projections) {
    layer.first_tile = tiles_;
    tiles_ += static_cast<int>(projections) * ceil_div(layer.out_features, tile_rows) *
              ceil_div(layer.in_features, tile_columns);
    layers_.layer[layers_.count++] = layer;
    if (layers_.count == Layers::capacity) flush();
  }

  void flush() {
    if (tiles_ > 0) launch(kernel_, tiles_, tile_threads, layers_);
    layers_.count = tiles_ = 0;
  }

 private:
  Kernel kernel_;
  Layers layers_{};
  int tiles_ = 0;
};

}  // namespace

void check_updates(const char* op, const LowRankUpdates& updates) {
  const auto& [weights, lora_a, lora_b, importance] = updates;
  check_layers(op, weights, lora_a, lora_b, importance);
  for (const auto& tensors : {weights, lora_a, lora_b, importance}) {
    for (const auto& tensor : tensors) {
      TORCH_CHECK(tensor.device() == weights[0].device(), op, ": expected all tensors on ",
                  weights[0].device(), " (device of the first weight), got ", tensor.device(),
                  ". Move one of them.");
      check_dtype(op, "all tensors", tensor, "the first weight", weights[0]);
    }
  }
}

void add_low_rank_updates(const LowRankUpdates& updates, at::TensorList results, const Tensor* active) {
  if (results.empty()) return;
  const auto& first = updates.weights[0];
  const c10::DeviceGuard guard(first.device());
  Batch batch({"effective_weights",
               {type_option("WEIGHT", first.scalar_type()), type_option("RESULT", results[0].scalar_type()),
                type_option("ADAPTER", updates.lora_a[0].scalar_type())}},
              active != nullptr);
  std::vector<Tensor> kept;  // copies of what is not contiguous live until the launch
  const auto data = [&](const Tensor& tensor) {
    return kept.emplace_back(tensor.contiguous()).const_data_ptr();
  };
  auto* counts = active == nullptr ? nullptr : active->mutable_data_ptr<int64_t>();
  for (size_t i = 0; i < results.size(); i++) {
    const auto& a = updates.lora_a[i];
    const auto& b = updates.lora_b[i];
    const int64_t projections = a.size(0);
    if (results[i].numel() > 0) {
      batch.add({.weight = data(updates.weights[i]),
                 .result = results[i].mutable_data_ptr(),
                 .lora_a = data(a),
                 .lora_b = data(b),
                 .importance = data(updates.importance[i]),
                 .active = reinterpret_cast<long long*>(counts),
                 .out_features = static_cast<int>(b.size(1)),
                 .in_features = static_cast<int>(a.size(2)),
                 .rank = static_cast<int>(a.size(1)),
                 .first_tile = 0},
                projections);
    }
    if (counts != nullptr) counts += projections;
  }
  batch.flush();
}

}  // namespace codyra::cuda
