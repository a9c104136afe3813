import { noGrad } from "../autograd.js";
import { cat, zeros } from "../operators.generated.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { allGather } from "./collectives.js";
import { rank, worldSize } from "./group.js";

/** Consecutive rows, from `start` up to but without `end`; none where they are equal. */
export interface Rows {
  readonly start: number;
  readonly end: number;
}

/**
 * The rows of a batch that a process computes: blocks of ⌈total / processes⌉, the last ones shorter or empty.
 */
export function ownRows(total: number, place = { rank: rank(), worldSize: worldSize() }): Rows {
  const block = Math.ceil(total / place.worldSize);
  const start = Math.min(place.rank * block, total);
  return { start, end: Math.min(start + block, total) };
}

/**
 * All rows `[total, D]` from those of each process, where only this process's own rows carry a gradient. With
 * the same loss of all rows on every process, the sum of the processes' gradients is the gradient of one
 * process.
 * @param own `[rows of ownRows(total), D]`; `undefined` where there are none
 * @param like the width, dtype and device of a row, for processes without one
 */
export function gatherRows(own: Tensor | undefined, total: number, like: RowLike): Tensor {
  if (worldSize() === 1) return own as Tensor;
  const block = Math.ceil(total / worldSize());
  const { start, end } = ownRows(total);
  const all = noGrad(() =>
    scope(() => {
      const padded = zeros([block, like.width], { dtype: like.dtype, device: like.device });
      if (own !== undefined) padded.narrow(0, 0, end - start).copy_(own);
      return allGather(padded).narrow(0, 0, total);
    }),
  );
  if (own === undefined || !own.requiresGrad) return all;
  return cat([all.narrow(0, 0, start), own, all.narrow(0, end, total - end)]);
}

/**
 * Features `[total, D]` of a batch `[total, …]` that all processes have: each encodes its own rows, and all
 * get all of them, as `gatherRows` says. One process simply encodes.
 */
export function encodeRows(batch: Tensor, encode: (rows: Tensor) => Tensor, like: RowLike): Tensor {
  if (worldSize() === 1) return encode(batch);
  const total = batch.size(0);
  const { start, end } = ownRows(total);
  const own = start === end ? undefined : encode(batch.narrow(0, start, end - start));
  return gatherRows(own, total, like);
}

export interface RowLike {
  readonly width: number;
  readonly dtype: Tensor["dtype"];
  readonly device: Tensor["device"];
}
