import { readFile } from "node:fs/promises";
import { type DualEncoder, encodePrompts } from "../clip/index.js";
import { loadBatches } from "../data/index.js";
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
  /** Ends the work; the iterator throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Unit vectors of image files, in their order and in flat memory: the next images are decoded while the model
 * looks at a batch. Files that cannot be read are told with the batch after them, or at the end.
 * @param paths relative to the working directory
 */
export async function* embedFiles(
  model: DualEncoder,
  paths: readonly string[],
  { batchSize = 64, signal }: EmbedOptions = {},
): AsyncGenerator<EmbeddedBatch, void, undefined> {
  const examples = paths.map((path) => ({ name: path, label: 0, file: path, read: () => readFile(path) }));
  let unreadable: { position: number; reason: string }[] = [];
  const onUnreadable = ({ index, reason }: { index: number; reason: string }) =>
    void unreadable.push({ position: index, reason });
  const { transform } = model.preprocessing;
  for await (const { indices, images } of loadBatches(examples, transform, {
    batchSize,
    signal,
    onUnreadable,
  })) {
    const vectors = unitVectors(() =>
      model.encodeImage(model.preprocessing.normalise(images.to({ device: model.device }))),
    );
    yield { positions: indices, vectors, unreadable };
    unreadable = [];
  }
  if (unreadable.length > 0) yield { positions: [], vectors: new Float32Array(0), unreadable };
}

/** Unit vectors of texts as they are, without a template, in their order. */
export async function* embedTexts(
  model: DualEncoder,
  texts: readonly string[],
  { batchSize = 64, signal }: EmbedOptions = {},
): AsyncGenerator<EmbeddedBatch, void, undefined> {
  for (let start = 0; start < texts.length; start += batchSize) {
    signal?.throwIfAborted();
    const part = texts.slice(start, start + batchSize);
    const vectors = unitVectors(() => {
      const { ids, sharedPrefix } = encodePrompts(model.tokenizer, part, { device: model.device });
      return model.encodeText(ids, { sharedPrefix });
    });
    yield { positions: part.map((_, i) => start + i), vectors, unreadable: [] };
    await new Promise(setImmediate); // lets signals in
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
