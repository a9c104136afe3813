import { availableParallelism } from "node:os";
import { type ImageTransform, type Preprocessing, stretch } from "../clip/index.js";
import * as torch from "../torch/index.js";
import { digest, fingerprintExamples, ImageSet } from "./image-set.js";
import type { Example } from "./types.js";

export interface LoadOptions {
  /** Called after each image. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * How training images are kept: stretched to a square a little larger than the model's input. A random resized crop is a box in fractions
 * of width and height, so stretching does not change what it shows, and all images fit into one tensor.
 */
export function trainingTransform({ cropSize }: Preprocessing): ImageTransform {
  // The smallest crop keeps most of the image: 8/7 of the input (256 for 224) loses no visible detail.
  return stretch(Math.ceil((cropSize * 8) / 7));
}

/**
 * Loads images into memory, each transformed.
 * @throws if images cannot be read, after trying all of them
 */
export async function loadImages(
  examples: readonly Example[],
  transform: ImageTransform,
  { onProgress }: LoadOptions = {},
): Promise<ImageSet> {
  const { size } = transform;
  const images = torch.unscoped(() => torch.empty([examples.length, 3, size, size], { dtype: "uint8" }));
  const aspectRatios = new Float32Array(examples.length);
  const digests: Uint8Array[] = [];
  const failures: { index: number; reason: string }[] = [];
  let done = 0;

  await forEachConcurrently(examples, async (example, index) => {
    try {
      const content = await example.read();
      const { pixels, width, height } = await transform.apply(content);
      digests[index] = digest(content instanceof Uint8Array ? content : content.pixels);
      aspectRatios[index] = width / height;
      torch.scope(() => {
        const image = torch.fromTypedArray(pixels, [size, size, 3]).permute([2, 0, 1]);
        images.select(0, index).copy_(image);
      });
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

/** Decoders explain themselves in the cause; their own message does not know the path. */
function reasonOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}

/** The file of the image, and where in it the image is when there are several. */
function place({ file, name }: Example): string {
  return file.replaceAll("\\", "/").endsWith(name) ? file : `${file} (${name})`;
}

function unreadable(examples: readonly Example[], failures: { index: number; reason: string }[]): Error {
  failures.sort((a, b) => a.index - b.index);
  const listed = failures
    .slice(0, 5)
    .map(({ index, reason }) => `  ${place(examples[index] as Example)}: ${reason}`);
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
