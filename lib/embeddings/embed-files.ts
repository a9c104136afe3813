import { readFile } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { BulkEncoder, type DualEncoder, encodePrompts } from "../clip/index.js";
import { type Example, knownLength, loadBatches, partsOf } from "../data/index.js";
import { nn, noGrad, scope, type Tensor } from "../torch/index.js";

/** Vectors of some of the items, or why one has none. Positions ascend. */
export interface EmbeddedBatch {
  readonly positions: readonly number[];
  /** Unit vectors, `[positions, embedDim]`, row after row. */
  readonly vectors: Float32Array;
  readonly unreadable: readonly { readonly position: number; readonly reason: string }[];
}

export interface EmbedOptions {
  /** Items per pass. Default: 64. */
  readonly batchSize?: number;
  /** How many images there are. Default: the length of a list, and many of a stream. */
  readonly images?: number;
  /** Ends the work; the iterator throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** An image by its path, or where else it is read from, such as a shard. */
export type ImageInput = string | Pick<Example, "name" | "file" | "read">;

/**
 * Unit vectors of images, in their order and in flat memory: the next images are decoded while the model
 * looks at a batch. Those that cannot be read are told with the batch after them, or at the end.
 * @param images a list or a stream; paths are relative to the working directory
 */
export async function* embedFiles(
  model: DualEncoder,
  images: Iterable<ImageInput> | AsyncIterable<ImageInput>,
  { batchSize = 64, images: count = knownLength(images), signal }: EmbedOptions = {},
): AsyncGenerator<EmbeddedBatch, void, undefined> {
  using encoder = new BulkEncoder(model, { batchSize, images: count });
  let unreadable: { position: number; reason: string }[] = [];
  const onUnreadable = ({ index, reason }: { index: number; reason: string }) =>
    void unreadable.push({ position: index, reason });
  const { transform } = model.preprocessing;
  const batches = loadBatches(examplesOf(images), transform, { batchSize, signal, onUnreadable });
  for await (const { indices, images } of batches) {
    const vectors = unitVectors(() =>
      encoder.encode(model.preprocessing.normalise(images.to({ device: model.device }))),
    );
    yield { positions: indices, vectors, unreadable };
    unreadable = [];
  }
  if (unreadable.length > 0) yield { positions: [], vectors: new Float32Array(0), unreadable };
}

async function* examplesOf(
  images: Iterable<ImageInput> | AsyncIterable<ImageInput>,
): AsyncGenerator<Example, void, undefined> {
  for await (const image of images) {
    if (typeof image === "string") yield { name: image, label: 0, file: image, read: () => readFile(image) };
    else yield { name: image.name, label: 0, file: image.file, read: () => image.read() };
  }
}

/** Unit vectors of texts as they are, without a template, in their order. */
export async function* embedTexts(
  model: DualEncoder,
  texts: Iterable<string> | AsyncIterable<string>,
  { batchSize = 64, signal }: EmbedOptions = {},
): AsyncGenerator<EmbeddedBatch, void, undefined> {
  let start = 0;
  const embed = (part: readonly string[]): EmbeddedBatch => {
    signal?.throwIfAborted();
    const vectors = unitVectors(() => {
      const { ids, sharedPrefix } = encodePrompts(model.tokenizer, part, { device: model.device });
      return model.encodeText(ids, { sharedPrefix });
    });
    return { positions: part.map((_, i) => start + i), vectors, unreadable: [] };
  };
  for await (const part of partsOf(texts, batchSize)) {
    yield embed(part);
    start += part.length;
    await setImmediate(); // lets signals in
  }
}

function unitVectors(features: () => Tensor): Float32Array {
  return noGrad(() =>
    scope(() => {
      const unit = nn.functional.normalize(features().float());
      return unit.to({ device: "cpu" }).toTypedArray() as Float32Array;
    }),
  );
}
