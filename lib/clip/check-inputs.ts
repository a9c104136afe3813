import type { Tensor } from "../torch/index.js";
import type { TextConfig, VisionConfig } from "./config.js";

/** @throws if the pixels are not of the model's image size */
export function checkPixels({ shape }: Tensor, { imageSize }: VisionConfig): void {
  if (shape.length === 4 && shape.slice(1).join() === [3, imageSize, imageSize].join()) return;
  const expected = `[batch, 3, ${imageSize}, ${imageSize}]`;
  throw new RangeError(
    `encodeImage: expected pixels ${expected}, got [${shape.join(", ")}]. Preprocess the images first.`,
  );
}

/** @throws if the ids are longer than the context, or the shared prefix as long as they are */
export function checkIds(ids: Tensor, { contextLength }: TextConfig, sharedPrefix: number): void {
  const length = ids.size(-1);
  if (ids.dim() !== 2 || length > contextLength) {
    throw new RangeError(
      `encodeText: expected ids [texts, at most ${contextLength}], got [${ids.shape.join(", ")}]. Truncate with the tokenizer.`,
    );
  }
  if (!(sharedPrefix >= 0 && sharedPrefix < length)) {
    throw new RangeError(
      `encodeText: expected a shared prefix shorter than the ${length} ids of a text, got ${sharedPrefix}. Take it from encodePrompts.`,
    );
  }
}
