import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";

/** How much larger than the error that was seen an error may be. */
const safety = 1.5;
/** This part of a batch is measured at least, until so many images have been. */
const first = { part: 1 / 8, images: 16 };
/** Part of all images whose error is measured at least, the closest calls. */
const leastPart = 1 / 32;

export type CloseCallCounts = Readonly<Pick<CloseCalls, "images" | "confirmed" | "changed">>;

/**
 * Predictions from scores of features in bfloat16. Where another class lies closer to the best one than
 * rounding may have moved it, exact scores decide. How far it moves them is measured on the closest calls, so
 * this is no proof. The counts tell how often exact scores decided otherwise.
 *
 * Rounding moves an image's feature by some e. That moves the score of a class t against that of the best
 * class t₀ by e·(t − t₀). So movements and margins are compared per ‖t − t₀‖ where these vectors are known.
 */
export class CloseCalls {
  /** Images that there were. */
  images = 0;
  /** Those that exact scores decided. */
  confirmed = 0;
  /** Those of them that got another class. */
  changed = 0;
  /** The furthest movement so far. */
  #error = 0;

  /**
   * @param scores `[B, C]`
   * @param exact scores of the images at these rows, `[rows, C]`
   * @param classFeatures unit vectors of the classes, `[C, D]`, if scores are the cosine to them by a
   * constant
   * @returns `int64 [B]`, the column of each image's class
   */
  predict(scores: Tensor, exact: (rows: Tensor) => Tensor, classFeatures?: Tensor): Tensor {
    return this.confirm(scores, exact, classFeatures).argmax(1);
  }

  /** As `predict`. @returns the scores, `[B, C]`, those of close calls exactly */
  confirm(scores: Tensor, exact: (rows: Tensor) => Tensor, classFeatures?: Tensor): Tensor {
    this.images += scores.size(0);
    if (scores.size(1) < 2) return scores;
    const confirmed = scores.clone();
    const best = scores.argmax(1);
    const distances = classFeatures && distancesTo(best, classFeatures);
    const margins = marginsOf(scores, best, distances);
    const order = margins
      .map((_, row) => row)
      .sort((a, b) => (margins[a] as number) - (margins[b] as number));
    const closest = (): number =>
      order.findLastIndex((row) => !((margins[row] as number) > safety * this.#error)) + 1;
    let [done, end] = [0, Math.max(this.#leastOf(order.length), closest())];
    while (done < end) {
      const rows = torch.tensor(order.slice(done, end), { dtype: "int64", device: scores.device });
      this.#replace(confirmed, rows, exact(rows), distances?.indexSelect(0, rows));
      [done, end] = [end, closest()];
    }
    return confirmed;
  }

  /** Adds the counts of other images. */
  add({ images, confirmed, changed }: CloseCallCounts): void {
    this.images += images;
    this.confirmed += confirmed;
    this.changed += changed;
  }

  /** How many of the next images are measured in any case. */
  #leastOf(batchSize: number): number {
    const begun = this.confirmed < first.images ? Math.ceil(batchSize * first.part) : 0;
    return Math.min(batchSize, Math.max(begun, Math.ceil(this.images * leastPart) - this.confirmed));
  }

  /** Measures how far a score moved against that of the image's first class. */
  #replace(scores: Tensor, rows: Tensor, exact: Tensor, distances: Tensor | undefined): void {
    const rounded = scores.indexSelect(0, rows);
    const before = rounded.argmax(1);
    const moved = exact.sub(rounded);
    const against = moved.sub(moved.gather(1, before.unsqueeze(1))).abs();
    scores.indexCopy_(0, rows, exact);
    this.confirmed += rows.numel();
    this.changed += Number(exact.argmax(1).ne(before).sum().item());
    this.#error = Math.max(this.#error, perDistance(against, distances, 0).max().item());
  }
}

/** The distance of each class from the best class of each image, `[B, C]`; 0 where they are the same. */
function distancesTo(best: Tensor, classFeatures: Tensor): Tensor {
  const withoutCancellation = 2; // differences themselves, not a product of matrices
  return torch.cdist(classFeatures.indexSelect(0, best), classFeatures, 2, withoutCancellation);
}

/** How closely the nearest other class follows in each image; 0 where a score is no number. */
function marginsOf(scores: Tensor, best: Tensor, distances: Tensor | undefined): number[] {
  const column = best.unsqueeze(1);
  const behind = scores.gather(1, column).sub(scores);
  const margins = perDistance(behind, distances, Infinity).scatter_(1, column, Infinity).amin(1);
  return (margins.toArray() as number[]).map((margin) => (Number.isNaN(margin) ? 0 : margin));
}

/** @param ofSame value for classes of the same vector, which tie exactly */
function perDistance(values: Tensor, distances: Tensor | undefined, ofSame: number): Tensor {
  return distances === undefined ? values : values.div(distances).maskedFill(distances.eq(0), ofSame);
}
