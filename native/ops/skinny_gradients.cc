// S = (g·B)ᵀ·x,   T = gᵀ·(x·Aᵀ)      with r columns or rows each:
// next to nothing to compute, everything to read.
// Three ways: whole products, a library's by chunks of rows, and our own by sixteen ranks.
#include "skinny_gradients.h"

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include "skinny_by_sixteens.h"

namespace codyra {
namespace {

using at::Tensor;

SkinnyProducts products(const Tensor& grads, const Tensor& x, const Tensor& a, const Tensor& b, bool need_s,
                        bool need_t) {
  const auto projections = a.sym_size(0), rank = a.sym_size(1), k = a.sym_size(2), d = b.sym_size(1);
  const auto by_projection = grads.unflatten_symint(1, {projections, d}).transpose(0, 1);  // [P, N, d]
  SkinnyProducts result;
  if (need_s) {
    const auto q = at::bmm(by_projection, b).transpose(0, 1).flatten(1, 2);  // [N, P·r]
    result.s = at::mm(q.t(), x).view_symint({projections, rank, k});
  }
  if (need_t) {
    const auto p = at::mm(x, a.flatten(0, 1).t()).unflatten_symint(1, {projections, rank});  // [N, P, r]
    result.t = at::bmm(p.permute({1, 2, 0}), by_projection).transpose(1, 2);
  }
  return result;
}

constexpr int64_t chunk_bytes = 1 << 20;

// Chunk by chunk of rows that fit a core's cache, so that g comes from memory once instead of twice.
SkinnyProducts products_by_chunks(const Tensor& grads, const Tensor& x, const Tensor& a, const Tensor& b,
                                  bool need_s, bool need_t) {
  const auto projections = a.size(0), rank = a.size(1), d = b.size(1), k = a.size(2), rows = x.size(0);
  const auto chunk_rows = std::max<int64_t>(16, chunk_bytes / ((projections * d + k) * x.element_size()));
  const auto threads = at::get_num_threads();
  const auto all_a = a.flatten(0, 1).t();  // [k, P·r]
  // A sum for every thread, added up in the order of threads: the same threads give the same result.
  const auto s = at::zeros({threads, projections * rank, k}, x.options());
  const auto t = at::zeros({threads, projections, rank, d}, x.options());
  at::parallel_for(0, at::divup(rows, chunk_rows), 1, [&](int64_t begin, int64_t end) {
    const at::NoGradGuard no_grad;  // a thread of its own does not inherit the caller's state
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    const auto thread = at::get_thread_num();
    for (auto chunk = begin; chunk < end; chunk++) {
      const auto first = chunk * chunk_rows, count = std::min(chunk_rows, rows - first);
      const auto part = [&](const Tensor& tensor) { return tensor.narrow(0, first, count); };
      const auto q = need_s ? at::empty({count, projections * rank}, x.options()) : Tensor();  // [n, P·r]
      const auto p = need_t ? at::mm(part(x), all_a) : Tensor();                               // [n, P·r]
      for (int64_t projection = 0; projection < projections; projection++) {
        const auto g = part(grads).narrow(1, projection * d, d);  // [n, d]
        const auto ranks = [&](const Tensor& tensor) { return tensor.narrow(1, projection * rank, rank); };
        if (need_s) {
          auto own_q = ranks(q);
          at::mm_out(own_q, g, b[projection]);
        }
        if (need_t) t[thread][projection].addmm_(ranks(p).t(), g);
      }
      if (need_s) s[thread].addmm_(q.t(), part(x));
    }
  });
  return {s.sum(0).view({projections, rank, k}), t.sum(0).transpose(1, 2)};
}

}  // namespace

SkinnyProducts skinny_products(const Tensor& grads, const Tensor& x, const Tensor& lora_a,
                               const Tensor& lora_b, bool need_s, bool need_t) {
  if (!need_s && !need_t) return {};
  const auto dtype = lora_a.scalar_type();
  const auto a = lora_a.to(x.scalar_type()), b = lora_b.to(x.scalar_type());
  // In 16 bits the product kernels do not gain from chunks, and sums of chunks would be rounded.
  const bool by_chunks = x.is_cpu() && !at::isReducedFloatingType(x.scalar_type());
  const bool by_sixteens = x.is_cpu() && are_sixteens_faster(x.scalar_type(), a.sym_size(1));
  auto result = by_sixteens ? skinny_products_by_sixteens(grads, x, a, b, need_s, need_t)
                            : (by_chunks ? products_by_chunks : products)(grads, x, a, b, need_s, need_t);
  if (need_s) result.s = result.s.to(dtype);
  if (need_t) result.t = result.t.to(dtype);
  return result;
}

}  // namespace codyra
