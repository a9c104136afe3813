import type { nn } from "../torch/index.js";
import type { DualEncoder } from "./dual-encoder.js";

/** A linear layer that adapters may be put on. */
export interface AdaptableLayer {
  /** Path of the module, such as `vision_model.encoder.layers.0.mlp.fc1`. */
  readonly name: string;
  readonly encoder: "vision" | "text";
  /** Index of the block. */
  readonly layer: number;
  /**
   * The layer's output: q, k and v in one, the attention's output, the first or second matrix of the
   * feed-forward half.
   */
  readonly targets: readonly ["q", "k", "v"] | readonly ["o"] | readonly ["fc"] | readonly ["proj"];
  readonly linear: nn.Linear;
}

/** See `DualEncoder.adaptableLayers`. */
export function adaptableLayers(model: DualEncoder): AdaptableLayer[] {
  const names = new Map(Array.from(model.namedModules(), ([name, module]) => [module, name]));
  return (["vision", "text"] as const).flatMap((encoder) =>
    model[encoder].encoder.blocks.flatMap(({ attention, mlp }, layer) => {
      const describe = (linear: nn.Linear, targets: AdaptableLayer["targets"]): AdaptableLayer => ({
        name: names.get(linear) as string,
        encoder,
        layer,
        targets,
        linear,
      });
      return [
        describe(attention.qkv, ["q", "k", "v"]),
        describe(attention.out, ["o"]),
        describe(mlp.fc1, ["fc"]),
        describe(mlp.fc2, ["proj"]),
      ];
    }),
  );
}
