import type { DualEncoder, Prompts } from "../../clip/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";

/**
 * Unit features of prompts, `[C, D]`. Each of several processes encodes its own rows, and all get all of
 * them: `torch.distributed.encodeRows`.
 */
export function encodeUnitTexts(model: DualEncoder, prompts: Prompts): Tensor {
  return torch.distributed.gatherRows(encodeOwnUnitTexts(model, prompts), prompts.ids.size(0), rowOf(model));
}

/** Those of this process's own rows; `undefined` where it has none. */
export function encodeOwnUnitTexts(model: DualEncoder, { ids, sharedPrefix }: Prompts): Tensor | undefined {
  return torch.distributed.encodeOwnRows(ids, (rows) => unit(model.encodeText(rows, { sharedPrefix })));
}

/**
 * Unit features of images, `[B, D]`, likewise.
 * @param pixels the whole batch, `[B, 3, S, S]`   @param encodeImage default: that of the model
 */
export function encodeUnitImages(
  model: DualEncoder,
  pixels: Tensor,
  encodeImage = (rows: Tensor): Tensor => model.encodeImage(rows),
): Tensor {
  const encode = (rows: Tensor): Tensor => unit(encodeImage(rows));
  return torch.distributed.encodeRows(pixels, encode, rowOf(model));
}

/** The shape and dtype of a row of features, for a process that has none. */
export function rowOf({ config, device }: DualEncoder): torch.distributed.RowLike {
  return { width: config.embedDim, dtype: "float32", device };
}

/** Rows of length 1. */
export function unit(features: Tensor): Tensor {
  return torch.nn.functional.normalize(features);
}
