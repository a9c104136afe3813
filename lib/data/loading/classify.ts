import { readFile } from "node:fs/promises";
import {
  BulkEncoder,
  type ClassifyOptions,
  classFeatures,
  type DualEncoder,
  defaultTemplate,
} from "../../clip/index.js";
import { checkOptions } from "../../options/index.js";
import { noGrad, scope, type Tensor } from "../../torch/index.js";
import type { Example } from "../types.js";
import { knownLength } from "./known-length.js";
import { loadBatches } from "./loader.js";
import type { UnreadableImage } from "./unreadable.js";

export interface Prediction {
  readonly label: string;
  /** With a regression head, the score that it mixes in: near a probability, and perhaps outside [0, 1]. */
  readonly probability: number;
}

/** Predictions for an image file, the most probable label first, or why the file cannot be read. */
export type FileClassification =
  | { readonly path: string; readonly predictions: readonly Prediction[] }
  | { readonly path: string; readonly error: string };

export interface ClassifyFilesOptions extends ClassifyOptions {
  /**
   * Takes the place of class names and template: from normalised pixels `[B, 3, S, S]` to probabilities
   * `[B, labels]`, such as `ServedClassifier.probabilities`.
   */
  readonly probabilities?: (pixels: Tensor) => Tensor;
  /** Images per pass. Default: 32. */
  readonly batchSize?: number;
  /** How many paths there are. Default: the length of a list, and many of a stream. */
  readonly images?: number;
  /** Predictions to keep per image. Default: all. */
  readonly topK?: number;
  /** Ends the work; the iterator throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Zero-shot classification of image files, in their order and in flat memory. The next images are decoded
 * while the model looks at a batch.
 * @param paths a list or a stream, relative to the working directory
 * @throws if there are no labels, or a template has no `{}`; files that cannot be read are told instead
 */
export async function* classifyFiles(
  model: DualEncoder,
  paths: Iterable<string> | AsyncIterable<string>,
  labels: readonly string[],
  options: ClassifyFilesOptions = {},
): AsyncGenerator<FileClassification, void, undefined> {
  checkOptions(
    options,
    { template: true, batchSize: true, images: true, topK: true, signal: true, probabilities: true },
    "classifyFiles",
  );
  const { template = defaultTemplate, batchSize = 32, topK = labels.length, signal } = options;
  using texts = options.probabilities ? undefined : classFeatures(model, labels, template);
  const { images = knownLength(paths) } = options;
  using encoder = new BulkEncoder(model, { batchSize, images });
  const probabilitiesOf =
    options.probabilities ??
    ((pixels) => model.probabilities(model.logits(encoder.encode(pixels), texts as Tensor)));
  const unreadable: UnreadableImage[] = [];
  const batches = loadBatches(examplesOf(paths), model.preprocessing.transform, {
    batchSize,
    signal,
    onUnreadable: (image) => void unreadable.push(image),
  });
  const failuresBefore = function* (end: number) {
    for (; unreadable[0] !== undefined && unreadable[0].index < end; unreadable.shift()) {
      yield { path: unreadable[0].example.name, error: unreadable[0].reason };
    }
  };
  for await (const { indices, examples, images } of batches) {
    const probabilities = classifyBatch(model, images, probabilitiesOf);
    for (const [row, index] of indices.entries()) {
      yield* failuresBefore(index);
      yield { path: examples[row]!.name, predictions: best(labels, probabilities[row]!, topK) };
    }
  }
  yield* failuresBefore(Number.POSITIVE_INFINITY);
}

async function* examplesOf(
  paths: Iterable<string> | AsyncIterable<string>,
): AsyncGenerator<Example, void, undefined> {
  for await (const path of paths) yield { name: path, label: 0, file: path, read: () => readFile(path) };
}

/** @param images uint8 `[B, 3, S, S]`   @returns probabilities `[B, labels]` */
function classifyBatch(
  model: DualEncoder,
  images: Tensor,
  probabilitiesOf: (pixels: Tensor) => Tensor,
): number[][] {
  return scope(() =>
    noGrad(() => {
      const pixels = model.preprocessing.normalise(images.to({ device: model.device }));
      return probabilitiesOf(pixels).toArray() as number[][];
    }),
  );
}

/** The most probable labels; of equal ones the first. */
function best(labels: readonly string[], probabilities: readonly number[], count: number): Prediction[] {
  const predictions = labels.map((label, i) => ({ label, probability: probabilities[i]! }));
  return predictions.sort((a, b) => b.probability - a.probability).slice(0, count);
}
