// W + B·A of low rank for all projections of all layers
#include "low_rank_update.h"

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "low_rank_sum.h"

namespace codyra {
namespace {

using at::Tensor;
using at::TensorList;

/// Some rows of one projection.
struct Tile {
  Tensor result, weight, b, a;
  RowRange rows;
};

// Enough that A is copied next to nothing, and few enough that threads share even one layer.
constexpr int64_t tile_rows = 256;

std::vector<Tile> tiles_of(TensorList results, TensorList weights, TensorList b, TensorList a) {
  std::vector<Tile> tiles;
  for (size_t i = 0; i < weights.size(); i++) {
    const auto projections = b[i].size(0), d = b[i].size(1);
    for (int64_t p = 0; p < projections; p++) {
      const auto rows = [&](const Tensor& tensor) { return tensor.narrow(0, p * d, d); };
      const Tile whole{rows(results[i]), rows(weights[i]), b[i][p], a[i][p], {0, d}};
      for (int64_t first = 0; first < d; first += tile_rows) {
        tiles.push_back(whole);
        tiles.back().rows = {first, std::min(tile_rows, d - first)};
      }
    }
  }
  return tiles;
}

// More of results than this, and not their own memory overwritten, leaves the caches before it is read.
constexpr size_t cached_bytes = 1 << 25;

bool are_large(TensorList results, TensorList weights) {
  size_t bytes = 0;
  for (size_t i = 0; i < results.size(); i++) {
    if (!results[i].is_same(weights[i])) bytes += results[i].nbytes();
  }
  return bytes > cached_bytes;
}

}  // namespace

void add_low_rank_updates(TensorList results, TensorList weights, TensorList b, TensorList a) {
  const auto tiles = tiles_of(results, weights, b, a);
  const bool is_large = are_large(results, weights);
  at::parallel_for(0, tiles.size(), 1, [&](int64_t begin, int64_t end) {
    const at::NoGradGuard no_grad;  // a thread of its own does not inherit the caller's state
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    for (auto i = begin; i < end; i++) {
      const auto& tile = tiles[i];
      low_rank_sum(tile.result, tile.weight, tile.b, tile.a, tile.rows, is_large);
    }
  });
}

}  // namespace codyra
