import {
  inferenceMode,
  type nn,
  packedLinear,
  packLinearWeight,
  scope,
  type Tensor,
  unscoped,
} from "../torch/index.js";
import type { DualEncoder, Precision } from "./dual-encoder.js";

/** Smaller matrices, as those of the miniature model, are multiplied no faster. */
const worthwhile = 2 ** 18;

export interface PackOptions {
  /** Images per pass. */
  readonly batchSize: number;
  /** Precision of the encoder. Default: as the model has it. */
  readonly precision?: Precision;
}

/**
 * The image encoder of a model, prepared for many images with its current weights. On a CPU, matrices are
 * laid out once as products read them. This is a copy of these matrices.
 */
export class PackedVision implements Disposable {
  readonly #layers: readonly { readonly linear: nn.Linear; readonly adapter: PackedLinear }[];
  readonly #precision: Precision;

  constructor(
    readonly model: DualEncoder,
    { batchSize, precision = model.precision }: PackOptions,
  ) {
    this.#precision = precision;
    const rows = batchSize * positionsOf(model);
    const dtype = precision === "bf16" ? "bfloat16" : model.dtype;
    const isSuited = model.device === "cpu" && model.dtype === "float32";
    const layers = isSuited ? model.vision.encoder.blocks.flatMap(linearLayers) : [];
    this.#layers = layers
      .filter(({ adapter, weight }) => adapter === undefined && weight.numel() >= worthwhile)
      .map((linear) => ({ linear, adapter: new PackedLinear(linear, { rows, dtype }) }));
  }

  /** As `model.encodeImage`, without gradients. @param pixels `[B, 3, S, S]`   @returns `[B, embedDim]` */
  encodeImage(pixels: Tensor): Tensor {
    const { model } = this;
    const before = model.precision;
    model.precision = this.#precision;
    for (const { linear, adapter } of this.#layers) linear.adapter = adapter;
    try {
      return inferenceMode(() => model.encodeImage(pixels));
    } finally {
      for (const { linear } of this.#layers) linear.adapter = undefined;
      model.precision = before;
    }
  }

  dispose(): void {
    for (const { adapter } of this.#layers) adapter.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A linear layer with its weight packed. */
class PackedLinear implements nn.LinearAdapter, Disposable {
  readonly #weight: Tensor;
  readonly #bias: Tensor | null;

  constructor({ weight, bias }: nn.Linear, { rows, dtype }: { rows: number; dtype: Tensor["dtype"] }) {
    [this.#weight, this.#bias] = unscoped(() =>
      scope(() => [
        packLinearWeight(weight, rows, { dtype }),
        bias === undefined ? null : bias.detach().to({ dtype }),
      ]),
    ) as [Tensor, Tensor | null];
  }

  forward(x: Tensor): Tensor {
    return packedLinear(x, this.#weight, this.#bias);
  }

  dispose(): void {
    this.#weight.dispose();
    this.#bias?.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function linearLayers({ attention, mlp }: DualEncoder["vision"]["encoder"]["blocks"][number]): nn.Linear[] {
  return [attention.qkv, attention.out, mlp.fc1, mlp.fc2];
}

/** The number of positions of one image: its patches, and the class token if there is one. */
function positionsOf({ config, vision }: DualEncoder): number {
  const { imageSize, patchSize } = config.vision;
  return Math.floor(imageSize / patchSize) ** 2 + (vision.hasClassToken ? 1 : 0);
}
