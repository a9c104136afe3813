import {
  BulkEncoder,
  type BulkOptions,
  type ClassifyOptions,
  classFeatures,
  type DualEncoder,
} from "../clip/index.js";
import { checkOptions } from "../options/index.js";
import { keep, type Tensor } from "../torch/index.js";
import { CloseCalls } from "./close-calls.js";

export interface ConfirmedClassifierOptions extends ClassifyOptions, BulkOptions {}

/**
 * Zero-shot classification of many images in bfloat16 by a model of float32. Where the two best labels are
 * close, the image is encoded once more in float32. So the first labels are those of float32; `CloseCalls`
 * says how sure that is.
 */
export class ConfirmedClassifier implements Disposable {
  readonly closeCalls = new CloseCalls();
  readonly #texts: Tensor;
  readonly #encoder: BulkEncoder;

  /** @throws if there are no labels, or a template has no `{}` */
  constructor(
    readonly model: DualEncoder,
    labels: readonly string[],
    options: ConfirmedClassifierOptions,
  ) {
    checkOptions(options, { template: true, batchSize: true, images: true }, "ConfirmedClassifier");
    this.#texts = keep(classFeatures(model, labels, options.template));
    this.#encoder = new BulkEncoder(model, options);
  }

  /** @param pixels normalised, `[B, 3, S, S]`   @returns `[B, labels]`; rows of close calls are exact */
  readonly probabilities = (pixels: Tensor): Tensor => {
    const scores = (features: Tensor): Tensor => this.model.logits(features, this.#texts);
    const rounded = scores(this.#encoder.encode(pixels, "bf16"));
    const exact = (rows: Tensor): Tensor => scores(this.#encoder.encode(pixels.indexSelect(0, rows)));
    return this.model.probabilities(this.closeCalls.confirm(rounded, exact, this.#texts));
  };

  dispose(): void {
    this.#texts.dispose();
    this.#encoder.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
