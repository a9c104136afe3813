import type { Device, Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";

/** Losses since the last report, summed on the device: it waits only where they are read. */
export class LossMeter implements Disposable {
  /** Iterations at the last report, and its mean loss. */
  readonly last: { done: number; loss?: number } = { done: 0 };
  /** They are changed in place: what goes on within a task saves them. */
  readonly sums: { readonly sum: Tensor; readonly penaltySum: Tensor };

  constructor(device: Device) {
    this.sums = torch.unscoped(() => ({
      sum: torch.zeros([], { device }),
      penaltySum: torch.zeros([], { device }),
    }));
  }

  /** Counts the loss of an iteration. @returns the loss with its penalties */
  add(loss: Tensor, penalties: readonly (Tensor | undefined)[]): Tensor {
    let whole = loss;
    for (const penalty of penalties) {
      if (penalty === undefined) continue;
      this.sums.penaltySum.add_(penalty.detach());
      whole = whole.add(penalty);
    }
    this.sums.sum.add_(whole.detach());
    return whole;
  }

  /** Means since the last report, which this one becomes. Waits for the device. */
  read(done: number): { readonly loss: number; readonly penalty: number } {
    const { sum, penaltySum } = this.sums;
    const count = done - this.last.done;
    const [loss, penalty] = [sum.item() / count, penaltySum.item() / count];
    for (const each of [sum, penaltySum]) each.zero_().dispose();
    [this.last.done, this.last.loss] = [done, loss];
    return { loss, penalty };
  }

  [Symbol.dispose](): void {
    this.sums.sum.dispose();
    this.sums.penaltySum.dispose();
  }
}
