import { type DualEncoder, PackedVision, type Precision } from "../clip/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";

/** With fewer images, laying weights out costs more than it saves. */
const worthwhile = 64;

export interface TestEncoderOptions {
  /** Images per pass. */
  readonly batchSize: number;
  /** How many images there are in all. */
  readonly images: number;
}

/** Encodes the test images of one evaluation. Nothing is prepared before the first of them. */
export class TestEncoder implements Disposable {
  readonly #packed = new Map<Precision, PackedVision>();

  constructor(
    readonly model: DualEncoder,
    readonly options: TestEncoderOptions,
  ) {}

  /**
   * @param pixels normalised, `[B, 3, S, S]`   @param precision default: that of the model
   * @returns `[B, embedDim]`, not normalised
   */
  encode(pixels: Tensor, precision: Precision = this.model.precision): Tensor {
    const { model, options } = this;
    if (options.images < worthwhile && precision === model.precision) {
      return torch.inferenceMode(() => model.encodeImage(pixels));
    }
    let packed = this.#packed.get(precision);
    if (packed === undefined) {
      packed = new PackedVision(model, { batchSize: options.batchSize, precision });
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
