import type { DualEncoder } from "../clip/index.js";
import { type EmbedOptions, embedFiles, embedTexts, type ImageInput } from "../embeddings/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";

/** Unit vectors of images, `[images, D]`. @throws at the first image that cannot be read */
export async function imageVectors(
  model: DualEncoder,
  images: readonly ImageInput[],
  options: EmbedOptions,
): Promise<Tensor> {
  const names = images.map((image) => (typeof image === "string" ? image : image.name));
  return await collect(model, names, embedFiles(model, images, options));
}

/** Unit vectors of texts, `[texts, D]`. */
export async function textVectors(
  model: DualEncoder,
  texts: readonly string[],
  options: EmbedOptions,
): Promise<Tensor> {
  return await collect(model, texts, embedTexts(model, texts, options));
}

async function collect(
  model: DualEncoder,
  names: readonly string[],
  batches: ReturnType<typeof embedFiles>,
): Promise<Tensor> {
  const width = model.config.embedDim;
  const vectors = new Float32Array(names.length * width);
  for await (const batch of batches) {
    const [failed] = batch.unreadable;
    if (failed) throw new Error(`${names[failed.position]}: ${failed.reason}. Replace it, or leave it out.`);
    vectors.set(batch.vectors, (batch.positions[0] as number) * width);
  }
  return torch.fromTypedArray(vectors, [names.length, width]);
}
