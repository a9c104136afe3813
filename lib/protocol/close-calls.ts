import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";

/** How much larger than the error that was seen an error may be. */
const safety = 1.5;
/** Part of a batch whose error is measured first: the closest calls, which would be confirmed anyway. */
const firstPart = 1 / 16;

export type CloseCallCounts = Readonly<Pick<CloseCalls, "images" | "confirmed" | "changed">>;

/**
 * Predictions from scores of features in bfloat16. Where the two best classes lie closer than rounding may
 * have moved them, exact scores decide. How far it moves them is measured in every batch, on its closest
 * calls. So this is no proof, and the counts tell how often exact scores decided otherwise.
 */
export class CloseCalls {
  /** Images that there were. */
  images = 0;
  /** Those that exact scores decided. */
  confirmed = 0;
  /** Those of them that got another class. */
  changed = 0;

  /**
   * @param scores `[B, C]`
   * @param exact scores of the images at these rows, `[rows, C]`
   * @returns `int64 [B]`, the column of each image's class
   */
  predict(scores: Tensor, exact: (rows: Tensor) => Tensor): Tensor {
    return this.confirm(scores, exact).argmax(1);
  }

  /** As `predict`. @returns the scores, `[B, C]`, those of close calls exactly */
  confirm(scores: Tensor, exact: (rows: Tensor) => Tensor): Tensor {
    this.images += scores.size(0);
    if (scores.size(1) < 2) return scores;
    const confirmed = scores.clone();
    const [best] = torch.topk(scores, 2);
    const differences = best.select(1, 0).sub(best.select(1, 1)).toArray() as number[];
    const margins = differences.map((margin) => (Number.isNaN(margin) ? 0 : margin)); // the closest of all
    const order = margins
      .map((_, row) => row)
      .sort((a, b) => (margins[a] as number) - (margins[b] as number));
    let [done, end, error] = [0, Math.ceil(order.length * firstPart), 0];
    while (done < end) {
      const rows = torch.tensor(order.slice(done, end), { dtype: "int64", device: scores.device });
      const moved = this.#replace(confirmed, rows, exact(rows));
      error = Math.max(error, moved);
      [done, end] = [end, order.findLastIndex((row) => !((margins[row] as number) > safety * error)) + 1];
    }
    this.confirmed += done;
    return confirmed;
  }

  /** Adds the counts of other images. */
  add({ images, confirmed, changed }: CloseCallCounts): void {
    this.images += images;
    this.confirmed += confirmed;
    this.changed += changed;
  }

  /** @returns how far a score moved, at most, relative to that of the image's first class */
  #replace(scores: Tensor, rows: Tensor, exact: Tensor): number {
    const rounded = scores.indexSelect(0, rows);
    const before = rounded.argmax(1);
    const moved = exact.sub(rounded);
    const relative = moved.sub(moved.gather(1, before.unsqueeze(1)));
    scores.indexCopy_(0, rows, exact);
    this.changed += Number(exact.argmax(1).ne(before).sum().item());
    return relative.abs().max().item();
  }
}
