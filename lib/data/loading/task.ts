import { createHash } from "node:crypto";
import type { ImageTransform, Preprocessing } from "../../clip/index.js";
import { checkOptions, type OptionKeys } from "../../options/index.js";
import * as torch from "../../torch/index.js";
import { checkClassNames, checkTemplates } from "../sources/names.js";
import type { Dataset, Example, FewShotSample, Task } from "../types.js";
import { sampleFewShot } from "./few-shot.js";
import { digest, fingerprintExamples, ImageSet } from "./image-set.js";
import { type LoadOptions, loadImages, trainingTransform } from "./load-images.js";

export interface LoadTaskOptions extends Omit<LoadOptions, "name"> {
  readonly preprocessing: Preprocessing;
  /** Training images per class. Default: all. */
  readonly shots?: number;
  /** Seed of the few-shot draw. Default: 0. */
  readonly seed?: number;
}

const optionKeys: OptionKeys<LoadTaskOptions> = {
  preprocessing: true,
  shots: true,
  seed: true,
  cache: true,
  signal: true,
  onProgress: true,
};

/**
 * Decodes a dataset, or takes it from the cache: the few-shot draw of its training images, and all test
 * images. Progress counts both.
 * @throws if images cannot be read, or the draw is impossible; the signal's reason when it is aborted
 */
export async function loadTask(dataset: Dataset, options: LoadTaskOptions): Promise<Task> {
  checkOptions(options, optionKeys, "loadTask");
  const { preprocessing, shots, seed = 0, cache, signal, onProgress } = options;
  const sample = shots === undefined ? undefined : sampleFewShot(dataset, { shots, seed });
  const examples = sample?.indices.map((index) => dataset.train[index] as Example) ?? dataset.train;
  const total = examples.length + dataset.test.length;
  const load = (part: string, images: readonly Example[], transform: ImageTransform, before: number) =>
    loadImages(images, transform, {
      cache,
      name: `${dataset.name} ${part}`,
      signal,
      onProgress: (done) => onProgress?.(before + done, total),
    });

  const train = await load("train", examples, trainingTransform(preprocessing), 0);
  try {
    const test = await load("test", dataset.test, preprocessing.transform, examples.length);
    return makeTask(dataset, train, test, sample);
  } catch (error) {
    train.dispose();
    throw error;
  }
}

/** Square RGB images in memory. */
export interface ImageArrays {
  /** RGB bytes, `[n, size, size, 3]`. */
  readonly images: Uint8Array;
  /** Indices into the class names, `[n]`. */
  readonly labels: Int32Array;
}

export interface ArraySource {
  readonly name: string;
  readonly classes: readonly string[];
  readonly templates: readonly string[];
  /** Side of the images in pixels. */
  readonly size: number;
  readonly train: ImageArrays;
  readonly test: ImageArrays;
}

/**
 * A task from images that are already decoded and sized, such as those of the miniature world.
 * @throws if two classes have one name, a template has no place for it, or the arrays' lengths do not fit
 */
export function taskFromArrays(source: ArraySource): Task {
  checkClassNames(source.name, source.classes);
  checkTemplates(source.name, source.templates);
  return makeTask(
    source,
    imageSetFromArrays(source.train, source.size),
    imageSetFromArrays(source.test, source.size),
  );
}

/** Square images that are already decoded, as a set. The arrays are copied. */
export function imageSetFromArrays({ images, labels }: ImageArrays, size: number): ImageSet {
  const imageBytes = size * size * 3;
  const digests = Array.from(labels, (_, i) => digest(images.subarray(i * imageBytes, (i + 1) * imageBytes)));
  return torch.scope(
    () =>
      new ImageSet({
        images: torch
          .fromTypedArray(images, [labels.length, size, size, 3])
          .permute([0, 3, 1, 2])
          .contiguous(),
        labels: torch.fromTypedArray(labels, [labels.length]).long(),
        fingerprint: fingerprintExamples(labels, digests),
      }),
  );
}

function makeTask(
  { name, classes, templates }: Pick<Dataset, "name" | "classes" | "templates">,
  train: ImageSet,
  test: ImageSet,
  sample?: FewShotSample,
): Task {
  const fingerprint = createHash("sha256")
    .update(JSON.stringify([classes, train.fingerprint, test.fingerprint]))
    .digest("hex");
  const dispose = () => {
    train.dispose();
    test.dispose();
  };
  return { name, classes, templates, train, test, fingerprint, sample, dispose };
}
