// W + B·diag(w)·A of many layers in one launch: W is read once and the result written once. WEIGHT and RESULT
// are their types, ADAPTER that of A, B and w. A block has a tile of 64 × 256 elements, a warp 8 of its rows,
// a thread two packs of columns in each of these.
#include "effective_weights.cuh"
#include "numeric.cuh"

using namespace codyra::cuda;

using T = OpMath<ADAPTER>::type;

constexpr int warps = tile_threads / 32;
constexpr int thread_rows = tile_rows / warps;
constexpr int pack = Pack<T>::size;
constexpr int thread_packs = tile_columns / (32 * pack);
constexpr int tile_ranks = 16;

__device__ int ceil_div(int a, int b) { return (a + b - 1) / b; }

/// The layer that a tile belongs to: the last that starts at or before it.
__device__ Layer layer_of(const Layers& layers, int tile) {
  int low = 0;
  for (int high = layers.count; high - low > 1;) {
    const int middle = (low + high) / 2;
    (layers.layer[middle].first_tile <= tile ? low : high) = middle;
  }
  return layers.layer[low];
}

/// `available`: elements up to the end of the row.
__device__ void load(T* values, const WEIGHT* source, int available, bool is_packed) {
  if (is_packed && available >= pack) {
    const auto elements = *reinterpret_cast<const Pack<WEIGHT>*>(source);
#pragma unroll
    for (int e = 0; e < pack; e++) values[e] = to_opmath(elements.at[e]);
  } else {
#pragma unroll
    for (int e = 0; e < pack; e++) values[e] = e < available ? to_opmath(source[e]) : T(0);
  }
}

__device__ void store(RESULT* target, const T* values, int available, bool is_packed) {
  if (is_packed && available >= pack) {
    Pack<RESULT> elements;
#pragma unroll
    for (int e = 0; e < pack; e++) from_opmath(values[e], elements.at[e]);
    *reinterpret_cast<Pack<RESULT>*>(target) = elements;
  } else {
#pragma unroll
    for (int e = 0; e < pack; e++) {
      if (e < available) from_opmath(values[e], target[e]);
    }
  }
}

extern "C" __global__ void __launch_bounds__(tile_threads, 2)
    effective_weights(const __grid_constant__ Layers layers) {
  __shared__ alignas(sizeof(Pack<T>)) T a[tile_ranks][tile_columns];
  __shared__ alignas(sizeof(Pack<T>)) T b[tile_ranks][tile_rows];  // B·diag(w), transposed

  const Layer layer = layer_of(layers, blockIdx.x);
  const int d = layer.out_features, k = layer.in_features, rank = layer.rank;
  const int row_tiles = ceil_div(d, tile_rows), column_tiles = ceil_div(k, tile_columns);
  const int tile = blockIdx.x - layer.first_tile;
  const int first_column = tile % column_tiles * tile_columns;
  const int first_row = tile / column_tiles % row_tiles * tile_rows;
  const int projection = tile / (column_tiles * row_tiles);
  const int rows = min(tile_rows, d - first_row), columns = min(tile_columns, k - first_column);

  const long long corner = (static_cast<long long>(projection) * d + first_row) * k + first_column;
  const WEIGHT* weight = static_cast<const WEIGHT*>(layer.weight) + corner;
  RESULT* result = static_cast<RESULT*>(layer.result) + corner;
  const ADAPTER* lora_a = static_cast<const ADAPTER*>(layer.lora_a);
  lora_a += static_cast<long long>(projection) * rank * k + first_column;
  const ADAPTER* lora_b = static_cast<const ADAPTER*>(layer.lora_b);
  lora_b += (static_cast<long long>(projection) * d + first_row) * rank;
  const ADAPTER* importance = static_cast<const ADAPTER*>(layer.importance) + projection * rank;
  const bool is_packed = k % pack == 0 && is_aligned(weight) && is_aligned(result);

  const int thread = threadIdx.x;
  const int thread_row = thread / 32 * thread_rows;
  const int thread_column = thread % 32 * pack;
  T sum[thread_rows][thread_packs][pack];
#pragma unroll
  for (int i = 0; i < thread_rows; i++) {
#pragma unroll
    for (int j = 0; j < thread_packs; j++) {
      const int row = thread_row + i, column = thread_column + j * 32 * pack;
      load(sum[i][j], weight + static_cast<long long>(row) * k + column, row < rows ? columns - column : 0,
           is_packed);
    }
  }

  for (int first_rank = 0; first_rank < rank; first_rank += tile_ranks) {
    const int ranks = min(tile_ranks, rank - first_rank);
    __syncthreads();
    for (int r = 0; r < ranks; r++) {
      const bool is_used = thread < columns && !(layers.prune && to_opmath(importance[first_rank + r]) == 0);
      a[r][thread] = is_used ? to_opmath(lora_a[static_cast<long long>(first_rank + r) * k + thread]) : T(0);
    }
    for (int i = thread; i < tile_rows * ranks; i += tile_threads) {
      const int row = i / ranks, r = i % ranks;
      const T w = to_opmath(importance[first_rank + r]);
      const bool is_used = row < rows && !(layers.prune && w == 0);
      b[r][row] = is_used ? to_opmath(lora_b[static_cast<long long>(row) * rank + first_rank + r]) * w : T(0);
    }
    __syncthreads();
    for (int r = 0; r < ranks; r++) {
      T factor[thread_rows];
#pragma unroll
      for (int i = 0; i < thread_rows; i += pack) {
        const auto values = *reinterpret_cast<const Pack<T>*>(&b[r][thread_row + i]);
#pragma unroll
        for (int e = 0; e < pack; e++) factor[i + e] = values.at[e];
      }
#pragma unroll
      for (int j = 0; j < thread_packs; j++) {
        const auto values = *reinterpret_cast<const Pack<T>*>(&a[r][thread_column + j * 32 * pack]);
#pragma unroll
        for (int i = 0; i < thread_rows; i++) {
#pragma unroll
          for (int e = 0; e < pack; e++) sum[i][j][e] += factor[i] * values.at[e];
        }
      }
    }
  }

#pragma unroll
  for (int i = 0; i < thread_rows; i++) {
#pragma unroll
    for (int j = 0; j < thread_packs; j++) {
      const int row = thread_row + i, column = thread_column + j * 32 * pack;
      store(result + static_cast<long long>(row) * k + column, sum[i][j], row < rows ? columns - column : 0,
            is_packed);
    }
  }
  if (layer.active != nullptr && first_row == 0 && first_column == 0 && thread == 0) {
    long long count = 0;
    for (int r = 0; r < rank; r++) count += to_opmath(importance[r]) != 0;
    layer.active[projection] = count;
  }
}
