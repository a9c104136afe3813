// CUDA graphs: the work that is queued on a stream is recorded instead, and run again with one launch.

#include "cuda.h"

#include "arguments.h"
#include "errors.h"
#include "externals.h"
#include "module.h"

#ifdef CODYRA_CUDA_GRAPHS

#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGraph.h>

#include <memory>

namespace codyra {
namespace {

struct Graph {
  at::cuda::CUDAGraph graph;
  c10::DeviceIndex device;
  c10::MempoolId_t pool = at::cuda::graph_pool_handle();
};

Graph& graphArgument(const Napi::CallbackInfo& info) {
  return externalArgument<Graph>(info, 0, "a CUDA graph");
}

template <typename Call>
bool quietly(Call call) {
  try {
    call();
    return true;
  } catch (const std::exception&) {
    return false;  // there is an earlier error, which says more
  }
}

// A finalizer must not throw, and neither may the graph's destructor, which resets: what cannot be reset
// stays.
void destroy(Graph* graph) {
  if (quietly([&] { graph->graph.reset(); })) delete graph;
}

// On the current stream, which must be a side stream.
Napi::Value beginCudaGraph(const Napi::CallbackInfo& info) {
  const auto device = cudaDeviceArgument(info, 0);
  auto graph = std::make_unique<Graph>();
  graph->device = device.index();
  // Other threads, which load data, may go on to allocate pinned memory meanwhile.
  graph->graph.capture_begin(graph->pool, cudaStreamCaptureModeThreadLocal);
  return externalResult(info, std::move(graph), [](Graph* g) { destroy(g); });
}

Napi::Value endCudaGraph(const Napi::CallbackInfo& info) {
  graphArgument(info).graph.capture_end();
  return info.Env().Undefined();
}

// After an error while recording: the stream and the allocator must leave the capture. Which parts of that
// libtorch has done by itself when the end of a capture fails differs between its versions.
Napi::Value abandonCudaGraph(const Napi::CallbackInfo& info) {
  auto& [graph, device, pool] = graphArgument(info);
  if (!quietly([&] { graph.capture_end(); })) {
    quietly([&] { c10::cuda::CUDACachingAllocator::endAllocateToPool(device, pool); });
    quietly([&] { at::getHostAllocator(at::kCUDA)->end_allocate_to_pool(pool); });
  }
  quietly([&] { graph.reset(); });
  // The pool is this graph's alone. Releasing it twice would break the allocator's count.
  if (c10::cuda::CUDACachingAllocator::getPoolUseCount(device, pool) > 0) {
    quietly([&] { c10::cuda::CUDACachingAllocator::releasePool(device, pool); });
    quietly([&] { at::getHostAllocator(at::kCUDA)->release_pool(pool); });
  }
  return info.Env().Undefined();
}

Napi::Value replayCudaGraph(const Napi::CallbackInfo& info) {
  graphArgument(info).graph.replay();
  return info.Env().Undefined();
}

// Gives its memory back, before the garbage collector would.
Napi::Value releaseCudaGraph(const Napi::CallbackInfo& info) {
  graphArgument(info).graph.reset();
  return info.Env().Undefined();
}

#else

namespace codyra {
namespace {

Napi::Value beginCudaGraph(const Napi::CallbackInfo& info) {
  cudaDeviceArgument(info, 0);
  throw std::runtime_error(
      "this build has no CUDA graphs, because headers of CUDA were missing. Install them beside torch with "
      "`pip install 'cuda-toolkit[crt]'` and run `npm run setup`.");
}

// The other functions take a graph, and there is none.
Napi::Value withoutGraph(const Napi::CallbackInfo&) {
  throw std::logic_error(
      "expected a graph, which this build cannot make. Call beginCudaGraph for the reason.");
}
constexpr auto endCudaGraph = withoutGraph;
constexpr auto abandonCudaGraph = withoutGraph;
constexpr auto replayCudaGraph = withoutGraph;
constexpr auto releaseCudaGraph = withoutGraph;

#endif

}  // namespace

void exportCudaGraph(Napi::Object exports) {
  exportFunction<beginCudaGraph>(exports, "beginCudaGraph");
  exportFunction<endCudaGraph>(exports, "endCudaGraph");
  exportFunction<abandonCudaGraph>(exports, "abandonCudaGraph");
  exportFunction<replayCudaGraph>(exports, "replayCudaGraph");
  exportFunction<releaseCudaGraph>(exports, "releaseCudaGraph");
}

}  // namespace codyra
