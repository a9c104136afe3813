import { inferenceMode, type Tensor } from "../torch/index.js";
import type { DualEncoder, Precision } from "./dual-encoder.js";
import { PackedVision } from "./packed-vision.js";

/** With fewer images, laying weights out costs more than it saves. */
const worthwhile = 64;

export interface BulkOptions {
  /** Images per pass. */
  readonly batchSize: number;
  /** How many images there are in all, as far as known. Default: many. */
  readonly images?: number;
}

/**
 * Encodes the images of a test set or a folder by a model whose weights stay as they are meanwhile. Nothing
 * is prepared before the first of them.
 */
export class BulkEncoder implements Disposable {
  readonly #packed = new Map<Precision, PackedVision>();

  constructor(
    readonly model: DualEncoder,
    readonly options: BulkOptions,
  ) {}

  /**
   * @param pixels normalised, `[B, 3, S, S]`   @param precision default: that of the model
   * @returns `[B, embedDim]`, not normalised
   */
  encode(pixels: Tensor, precision: Precision = this.model.precision): Tensor {
    const { model } = this;
    const { batchSize, images = Number.POSITIVE_INFINITY } = this.options;
    if (images < worthwhile && precision === model.precision) {
      return inferenceMode(() => model.encodeImage(pixels));
    }
    let packed = this.#packed.get(precision);
    if (packed === undefined) {
      packed = new PackedVision(model, { batchSize, precision });
      this.#packed.set(precision, packed);
    }
    return packed.encodeImage(pixels);
  }

  dispose(): void {
    for (const packed of this.#packed.values()) packed.dispose();
    this.#packed.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
