import { type ImageTransform, type Preprocessing, stretch } from "../../clip/index.js";
import { checkOptions } from "../../options/index.js";
import * as torch from "../../torch/index.js";
import type { ImageCache } from "../cache/image-cache.js";
import type { Example } from "../types.js";
import { fillTogether } from "./fill-together.js";
import { exampleContents, fingerprintExamples, ImageSet } from "./image-set.js";
import { MemoryStore } from "./image-store.js";
import { loadBatches } from "./loader.js";
import { type UnreadableImage, unreadableImages } from "./unreadable.js";

const batchSize = 32;

export interface LoadOptions {
  /**
   * The cache that keeps the transformed images for the next time, and from which they are mapped. Default:
   * none, they stay in memory.
   */
  readonly cache?: ImageCache;
  /** Names the images in the cache's list. Default: `images`. */
  readonly name?: string;
  /** Stops loading; what is in the cache by then is used the next time. */
  readonly signal?: AbortSignal;
  /** Called as images are done. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * How training images are kept: stretched to a square a little larger than the model's input. A random
 * resized crop is a box in fractions of width and height: stretching does not change what it shows. So all
 * images fit into one tensor.
 */
export function trainingTransform({ cropSize, decoding, limits }: Preprocessing): ImageTransform {
  // The smallest crop keeps most of the image: 8/7 of the input (256 for 224) loses no visible detail.
  return stretch(Math.ceil((cropSize * 8) / 7), { ...decoding, ...limits });
}

/**
 * Loads images, each transformed.
 * @throws if images cannot be read, after trying all of them, or the cache cannot be written; the signal's
 * reason when it is aborted
 */
export async function loadImages(
  examples: readonly Example[],
  transform: ImageTransform,
  options: LoadOptions = {},
): Promise<ImageSet> {
  checkOptions(options, { cache: true, name: true, signal: true, onProgress: true }, "loadImages");
  const { cache } = options;
  if (cache?.machine === undefined) return loadAlone(examples, transform, options);
  const { machine } = cache;
  const isFirst = machine.rank === 0;
  await fillTogether(cache, machine, examples, transform, options);
  if (!isFirst) await machine.meet(); // the first process completes what is there
  const images = await loadAlone(examples, transform, options);
  if (isFirst) await machine.meet();
  return images;
}

async function loadAlone(
  examples: readonly Example[],
  transform: ImageTransform,
  { cache, name = "images", signal, onProgress }: LoadOptions,
): Promise<ImageSet> {
  const total = examples.length;
  const store =
    (await cache?.open({ examples, transform, name, signal })) ?? new MemoryStore(total, transform.size);
  try {
    const { missing } = store;
    const failures: UnreadableImage[] = [];
    const onUnreadable = (image: UnreadableImage) => void failures.push(image);
    let loaded = total - missing.length;
    onProgress?.(loaded, total);
    const toLoad = missing.map((index) => examples[index] as Example);
    for await (const batch of loadBatches(toLoad, transform, { batchSize, signal, onUnreadable })) {
      await store.write({ ...batch, indices: batch.indices.map((index) => missing[index] as number) });
      loaded += batch.indices.length;
      onProgress?.(loaded + failures.length, total);
    }
    if (failures.length > 0) throw unreadableImages(failures, total);
    signal?.throwIfAborted();
    const { images, aspectRatios, digests } = await store.finish();
    const labels = examples.map(({ label }) => label);
    return new ImageSet({
      images,
      labels: torch.tensor(labels, { dtype: "int64" }),
      aspectRatios,
      fingerprint: fingerprintExamples(labels, digests),
      contents: exampleContents(examples, digests),
    });
  } catch (error) {
    await store.abandon();
    throw error;
  }
}
