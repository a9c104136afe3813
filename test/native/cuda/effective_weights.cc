// effective_weights ORDER PRUNE LAYERS (PROJECTIONS OUT_FEATURES IN_FEATURES RANK)...
//   < of each: weight, result (empty: the weight), A, B, importance, active (empty: nobody asks)
//   > of each: result, active
#include <memory>

#include "arrays.h"
#include "device.h"
#include "effective_weights.cu"

struct Arrays {
  emulation::Array weight, result, lora_a, lora_b, importance, active;
};

int main(int, char** arguments) {
  emulation::Numbers numbers(arguments);
  const auto order = static_cast<emulation::Order>(numbers.take());
  static Layers layers;
  layers.prune = numbers.take() != 0;
  layers.count = static_cast<int>(numbers.take());
  std::vector<std::unique_ptr<Arrays>> arrays;
  int tiles = 0;
  for (int i = 0; i < layers.count; i++) {
    const auto projections = static_cast<int>(numbers.take());
    auto& layer = layers.layer[i];
    layer.out_features = static_cast<int>(numbers.take());
    layer.in_features = static_cast<int>(numbers.take());
    layer.rank = static_cast<int>(numbers.take());
    layer.first_tile = tiles;
    tiles += projections * ceil_div(layer.out_features, tile_rows) * ceil_div(layer.in_features, tile_columns);
    auto& a = *arrays.emplace_back(std::make_unique<Arrays>());
    layer.weight = a.weight.data<WEIGHT>();
    layer.result = a.result.data<RESULT>();
    if (layer.result == nullptr) layer.result = a.weight.data<RESULT>();
    layer.lora_a = a.lora_a.data<ADAPTER>();
    layer.lora_b = a.lora_b.data<ADAPTER>();
    layer.importance = a.importance.data<ADAPTER>();
    layer.active = a.active.data<long long>();
  }
  emulation::run_grid(tiles, tile_threads, order, [&] { effective_weights(layers); });
  for (int i = 0; i < layers.count; i++) {
    const bool is_in_place = layers.layer[i].result == layers.layer[i].weight;
    (is_in_place ? arrays[i]->weight : arrays[i]->result).write();
    arrays[i]->active.write();
  }
}
