import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";

/** The nearest rows of each query, the nearest first. */
export interface Neighbours {
  /** Rows, `[queries, k]`. */
  readonly rows: Int32Array;
  /** Their scalar products with the query, cosines of unit vectors, `[queries, k]`. */
  readonly scores: Float32Array;
  readonly k: number;
}

/**
 * Exact search by scalar product, in blocks: memory grows neither with the rows nor with the queries, but for
 * the answer. Equal scores may come in any order.
 * @param vectors `[n, D]`   @param queries `[m, D]`   @param k at most n are found
 */
export function nearest(vectors: Tensor, queries: Tensor, k: number, { block = 65_536 } = {}): Neighbours {
  const [n, m] = [vectors.size(0), queries.size(0)];
  const found = Math.min(k, n);
  const rows = new Int32Array(m * found);
  const scores = new Float32Array(m * found);
  const perPass = 256;
  torch.noGrad(() => {
    for (let start = 0; start < m; start += perPass) {
      torch.scope(() => {
        const some = queries.narrow(0, start, Math.min(perPass, m - start));
        let best: { scores: Tensor; rows: Tensor } | undefined;
        for (let from = 0; from < n; from += block) {
          const part = vectors.narrow(0, from, Math.min(block, n - from));
          const [values, indices] = some.mm(part.t()).topk(Math.min(found, part.size(0)));
          const here = { scores: values, rows: indices.add(from) };
          best = best === undefined ? here : merged(best, here, found);
        }
        const { scores: s, rows: r } = best as { scores: Tensor; rows: Tensor };
        scores.set(s.toTypedArray() as Float32Array, start * found);
        rows.set(r.to({ dtype: "int32" }).toTypedArray() as Int32Array, start * found);
      });
    }
  });
  return { rows, scores, k: found };
}

type Best = { readonly scores: Tensor; readonly rows: Tensor };

function merged(a: Best, b: Best, k: number): Best {
  const all = torch.cat([a.scores, b.scores], 1);
  const [scores, at] = all.topk(Math.min(k, all.size(1)));
  return { scores, rows: torch.cat([a.rows, b.rows], 1).gather(1, at) };
}
