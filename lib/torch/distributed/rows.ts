import type { Tensor } from "../tensor.js";
import { worldSize } from "./group.js";
import { ownRows } from "./own-rows.js";
import { RowExchange, type RowLike } from "./row-exchange.js";

/**
 * All rows `[total, D]` from those of each process, where only this process's own rows carry a gradient. With
 * the same loss of all rows on every process, the sum of the processes' gradients is the gradient of one
 * process.
 * @param own `[rows of ownRows(total), D]`; `undefined` where there are none
 * @param like the width, dtype and device of a row, for processes without one
 */
export function gatherRows(own: Tensor | undefined, total: number, like: RowLike): Tensor {
  using exchange = new RowExchange(like);
  exchange.put(own, total);
  exchange.share(total);
  return exchange.take(own, total);
}

/**
 * The features that a process makes of its own rows of a batch `[total, …]`, which all processes have.
 * @returns `undefined` where it has none
 */
export function encodeOwnRows(batch: Tensor, encode: (rows: Tensor) => Tensor): Tensor | undefined {
  if (worldSize() === 1) return encode(batch);
  const { start, end } = ownRows(batch.size(0));
  return start === end ? undefined : encode(batch.narrow(0, start, end - start));
}

/**
 * Features `[total, D]` of a batch `[total, …]` that all processes have: each encodes its own rows, and all
 * get all of them, as `gatherRows` says. One process simply encodes.
 */
export function encodeRows(batch: Tensor, encode: (rows: Tensor) => Tensor, like: RowLike): Tensor {
  return gatherRows(encodeOwnRows(batch, encode), batch.size(0), like);
}
