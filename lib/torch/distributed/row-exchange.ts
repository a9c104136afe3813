import { noGrad } from "../autograd.js";
import { cat, zeros } from "../operators.generated.js";
import { scope, unscoped } from "../scope.js";
import type { Tensor } from "../tensor.js";
import type { DType } from "../types.js";
import { allGather } from "./collectives.js";
import { worldSize } from "./group.js";
import { ownRows } from "./own-rows.js";

/** A row of features. */
export interface RowLike {
  readonly width: number;
  readonly dtype: DType;
  readonly device: Tensor["device"];
}

/**
 * Gives all processes the rows that each of them encoded, in steps. `put` and `take` are work of this
 * process alone, which a CUDA graph can hold. Rows pass through tensors that stay where they are.
 */
export class RowExchange implements Disposable {
  readonly #buffers = new Map<number, { readonly own: Tensor; readonly all: Tensor }>();

  /** @param like also of processes without a row */
  constructor(readonly like: RowLike) {}

  /** @param own `[rows of ownRows(total), D]`; `undefined` where there are none */
  put(own: Tensor | undefined, total: number): void {
    if (worldSize() === 1) return;
    const { own: buffer } = this.#of(total);
    if (own !== undefined) noGrad(() => scope(() => buffer.narrow(0, 0, own.size(0)).copy_(own)));
  }

  /** The collective. */
  share(total: number): void {
    if (worldSize() === 1) return;
    const { own, all } = this.#of(total);
    noGrad(() => scope(() => all.copy_(allGather(own))));
  }

  /**
   * All rows `[total, D]`, good until the next `share`. Only those that were `put` carry a gradient.
   * @param own the rows that were put
   */
  take(own: Tensor | undefined, total: number): Tensor {
    if (worldSize() === 1) return own as Tensor;
    const { start, end } = ownRows(total);
    const { all } = this.#of(total);
    if (own === undefined || !own.requiresGrad) return all.narrow(0, 0, total);
    return cat([all.narrow(0, 0, start), own, all.narrow(0, end, total - end)]);
  }

  dispose(): void {
    for (const { own, all } of this.#buffers.values()) for (const buffer of [own, all]) buffer.dispose();
    this.#buffers.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Equal shapes on all processes: rows that one lacks stay zero. */
  #of(total: number): { readonly own: Tensor; readonly all: Tensor } {
    const found = this.#buffers.get(total);
    if (found !== undefined) return found;
    const { width, dtype, device } = this.like;
    const block = Math.ceil(total / worldSize());
    const rows = (count: number): Tensor => unscoped(() => zeros([count, width], { dtype, device }));
    const made = { own: rows(block), all: rows(block * worldSize()) };
    this.#buffers.set(total, made);
    return made;
  }
}
