import { isPlusPlus, type KeepLoraOptions } from "./options.js";

/** σ ℓ: alpha over rank, times the layer scale of ++. @param block counted from 0, of as many as `blocks` */
export function updateScale(
  options: Pick<KeepLoraOptions, "alpha" | "rank" | "gamma" | "textLayerScale" | "variant">,
  encoder: "vision" | "text",
  block: number,
  blocks: number,
): number {
  const { alpha, rank, gamma, textLayerScale } = options;
  const first = encoder === "vision" ? gamma : textLayerScale;
  return (alpha / rank) * (isPlusPlus(options) ? layerScale(first, block, blocks) : 1);
}

/** ℓ of a block, counted from 0: from `first` to 1 along the blocks. */
export function layerScale(first: number, block: number, blocks: number): number {
  return blocks === 1 ? 1 : first + ((1 - first) * block) / (blocks - 1);
}
