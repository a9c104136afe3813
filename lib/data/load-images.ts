import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { type DecodedImage, decodeImage, type Preprocessing } from "../clip/index.js";
import * as torch from "../torch/index.js";
import { digest, fingerprintExamples, ImageSet } from "./image-set.js";
import type { Example } from "./types.js";

export interface LoadOptions {
  /** Called after each image. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Loads training images, each stretched to a square a little larger than the model's input. A random resized crop is a box in fractions
 * of width and height, so stretching does not change what it shows, and all images fit into one tensor.
 * @throws if images cannot be read, after trying all of them
 */
export function loadTrainingImages(
  examples: readonly Example[],
  preprocessing: Preprocessing,
  options: LoadOptions = {},
): Promise<ImageSet> {
  // The smallest crop keeps most of the image: 8/7 of the input (256 for 224) loses no visible detail.
  const size = Math.ceil((preprocessing.cropSize * 8) / 7);
  return loadImages(examples, size, (image) => stretch(image, size), options);
}

/**
 * Loads images as the model wants them in tests: resized and centre-cropped.
 * @throws if images cannot be read, after trying all of them
 */
export function loadEvaluationImages(
  examples: readonly Example[],
  preprocessing: Preprocessing,
  options: LoadOptions = {},
): Promise<ImageSet> {
  return loadImages(examples, preprocessing.cropSize, (image) => preprocessing.preprocess(image), options);
}

/** @param transform gives uint8 `[3, size, size]` */
async function loadImages(
  examples: readonly Example[],
  size: number,
  transform: (image: DecodedImage) => torch.Tensor,
  { onProgress }: LoadOptions,
): Promise<ImageSet> {
  const images = torch.unscoped(() => torch.empty([examples.length, 3, size, size], { dtype: "uint8" }));
  const aspectRatios = new Float32Array(examples.length);
  const digests: Uint8Array[] = [];
  const failures: { index: number; reason: string }[] = [];
  let done = 0;

  await forEachConcurrently(examples, async ({ path }, index) => {
    try {
      const file = await readFile(path);
      const image = await decodeImage(file);
      digests[index] = digest(file);
      aspectRatios[index] = image.width / image.height;
      torch.scope(() => void images.select(0, index).copy_(transform(image)));
    } catch (error) {
      failures.push({ index, reason: reasonOf(error as Error) });
    }
    onProgress?.(++done, examples.length);
  });

  if (failures.length > 0) {
    images.dispose();
    throw unreadable(examples, failures);
  }
  const labels = examples.map(({ label }) => label);
  return new ImageSet({
    images,
    labels: torch.tensor(labels, { dtype: "int64" }),
    aspectRatios,
    fingerprint: fingerprintExamples(labels, digests),
  });
}

/** Pillow-like antialiased bicubic resize to a square, ignoring the aspect ratio. */
function stretch({ pixels, width, height }: DecodedImage, size: number): torch.Tensor {
  const image = torch.fromTypedArray(pixels, [1, height, width, 3]).permute([0, 3, 1, 2]);
  return torch.upsampleBicubic2dAa(image, [size, size], false).squeeze(0);
}

/** Decoders explain themselves in the cause; their own message does not know the path. */
function reasonOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}

function unreadable(examples: readonly Example[], failures: { index: number; reason: string }[]): Error {
  failures.sort((a, b) => a.index - b.index);
  const listed = failures.slice(0, 5).map(({ index, reason }) => `  ${examples[index]?.path}: ${reason}`);
  const count = `${failures.length} of ${examples.length}`;
  return new Error(
    `Loading images: expected every file to be a readable image, got ${count} that are not. Replace or remove them` +
      `${failures.length > listed.length ? `; the first ${listed.length}` : ""}:\n${listed.join("\n")}`,
  );
}

/** As many at a time as keep the decoding threads busy while this thread resizes. */
async function forEachConcurrently<T>(
  items: readonly T[],
  visit: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const remaining = items.entries();
  const work = async () => {
    for (const [index, item] of remaining) await visit(item, index);
  };
  await Promise.all(Array.from({ length: 2 * availableParallelism() }, work));
}
