import type { Checkpoints, nn, Tensor } from "../torch/index.js";
import type { Transformer } from "./transformer.js";

export interface TextOptions {
  /**
   * How many leading ids are the same in all rows, and before the end of each. They are computed once for all
   * rows where later ids do not change them. Default: 0.
   */
  readonly sharedPrefix?: number;
  readonly checkpoints?: Checkpoints;
}

/** Reads token ids. */
export interface TextTower extends nn.Module {
  readonly encoder: Transformer;
  /**
   * @param ids `int64 [C, L]`, L at most the context length
   * @returns the pooled output, `[C, D]`
   * @throws if L is larger, or the prefix as long
   */
  forward(ids: Tensor, options?: TextOptions): Tensor;
}

/** Reads pixels. */
export interface VisionTower extends nn.Module {
  readonly encoder: Transformer;
  /** Whether a class token, before those of the patches, stands for the whole image. */
  readonly hasClassToken: boolean;
  /**
   * @param pixels normalised, float `[B, 3, S, S]`
   * @returns the pooled output, `[B, width]`
   * @throws if S is not the model's image size
   */
  forward(pixels: Tensor, checkpoints?: Checkpoints): Tensor;
  /**
   * The embedding of each patch, without its position.
   * @param pixels `[B, 3, S, S]`
   * @returns `[B, N, width]`
   */
  embedPatches(pixels: Tensor): Tensor;
}
