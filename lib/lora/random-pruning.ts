import { checkOptions } from "../options/index.js";
import type { Generator, Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import type { LoraModel } from "./model.js";
import type { LoraOptimizerOptions } from "./optimizer.js";

/**
 * Prunes as many ranks of each matrix as thresholding would, at the same time, but chooses them at random.
 * This control tells the choice of ranks from their number.
 *
 * A copy w' of the importance weights takes the same gradient steps and is thresholded, `w' ← T_κ(w' + Δw)`.
 * Ranks of a matrix stand in a random order. Only the first n of them keep their weight; n is the number of
 * ranks whose w' is not zero. Kept weights are not shrunk by default. With `isShrunk`, those of a matrix are
 * scaled together so that their absolute values add up to those of w'. Then only the choice of the ranks
 * differs from thresholding.
 */
export class RandomPruning implements Disposable {
  readonly #threshold: LoraOptimizerOptions["threshold"];
  readonly #isShrunk: boolean;
  /** Position of each rank in the random order of its matrix: `[modules, rank]`. */
  readonly #positions: Tensor;
  /** w', and w after the last step. */
  readonly #thresholded: Tensor;
  readonly #before: Tensor;

  /**
   * @param options `generator` draws the order, on the CPU. Go on with the one that drew the adapters: a
   * fresh one of its seed would draw alike
   */
  constructor(
    readonly lora: LoraModel,
    options: Pick<LoraOptimizerOptions, "threshold"> & { isShrunk?: boolean; generator?: Generator },
  ) {
    checkOptions(options, { threshold: true, isShrunk: true, generator: true }, "RandomPruning");
    const { threshold, isShrunk = false, generator } = options;
    this.#threshold = threshold;
    this.#isShrunk = isShrunk;
    const { importance } = lora;
    const [positions, thresholded, before] = torch.noGrad(() =>
      torch.scope(() => [
        torch.rand(importance.shape, { generator }).argsort(1).to({ device: importance.device }).keep(),
        importance.clone().keep(),
        importance.clone().keep(),
      ]),
    ) as [Tensor, Tensor, Tensor];
    this.#positions = positions;
    this.#thresholded = thresholded;
    this.#before = before;
  }

  /** After a gradient step without thresholding. @param kappa κ of this iteration; at 0 nothing is pruned */
  step(kappa: number): void {
    torch.noGrad(() =>
      torch.scope(() => {
        const { importance } = this.lora;
        this.#thresholded.add_(importance).sub_(this.#before);
        if (kappa > 0) {
          if (this.#threshold === "in-place") torch.softThresholdReleased_(this.#thresholded, kappa);
          else torch.softThreshold_(this.#thresholded, kappa);
          const counts = this.#thresholded.ne(0).sum([1], true); // [modules, 1]
          importance.mul_(this.#positions.lt(counts));
          if (this.#isShrunk) importance.mul_(size(this.#thresholded).div(size(importance).clampMin(tiny)));
        }
        this.#before.copy_(importance);
      }),
    );
    this.lora.releaseEffectiveWeights();
  }

  /**
   * The state of w after the steps so far: w', and w after the last step. The order of ranks is drawn at
   * first.
   */
  get tensors(): readonly Tensor[] {
    return [this.#thresholded, this.#before];
  }

  dispose(): void {
    for (const tensor of [this.#positions, this.#thresholded, this.#before]) tensor.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

const tiny = 1e-12; // where no rank of a matrix is left, its size is zero

/** @returns `Σ |w|` of each matrix, `[modules, 1]` */
function size(weights: Tensor): Tensor {
  return weights.abs().sum([1], true);
}
