import { setImmediate } from "node:timers/promises";
import { BulkEncoder } from "../clip/index.js";
import type { ImageSet } from "../data/index.js";
import type {
  Classifier,
  ContinualMethod,
  LabelGroup,
  LabelSpace,
  ProtocolName,
  RunContext,
} from "../methods/index.js";
import { type BatchSize, checkOptions, type OptionKeys } from "../options/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import { AdaptiveBatchSize } from "./batch-size.js";
import { type CloseCallCounts, CloseCalls } from "./close-calls.js";
import type { FrozenFeatures } from "./frozen-features.js";
import { candidates } from "./label-spaces.js";
import { predictor } from "./predictor.js";

/** Images on which accuracy is measured: of a task, or of a dataset that is never trained on. */
export interface TestSet extends LabelGroup {
  readonly test: ImageSet;
}

export interface EvaluateOptions {
  readonly protocol: ProtocolName;
  readonly batchSize: BatchSize;
  /**
   * Features of test images that stay the same from one evaluation to the next, for methods that classify by
   * them.
   */
  readonly features?: FrozenFeatures;
  /**
   * Has images encoded in bfloat16, and counts those whose class was confirmed in the model's precision.
   * Default: all are encoded in that. Without effect where the method does not classify by image features,
   * never changes the image encoder, or the model computes in bfloat16 anyway.
   */
  readonly closeCalls?: CloseCalls;
  /** Accuracies of the first datasets, which were measured before. */
  readonly known?: readonly number[];
  /** Told each accuracy when it is measured, and of its images what `closeCalls` counts. */
  readonly onMeasured?: (dataset: number, accuracy: number, closeCalls: CloseCallCounts) => void;
  readonly onProgress?: (done: number, total: number) => void;
}

const optionKeys: OptionKeys<EvaluateOptions> = {
  protocol: true,
  batchSize: true,
  features: true,
  closeCalls: true,
  known: true,
  onMeasured: true,
  onProgress: true,
};

/**
 * Top-1 accuracy of the method as it is now on the test images of every dataset, as fractions. Class texts
 * are encoded once where the label space is joint; results add up on the device and are read once per
 * dataset.
 */
export async function evaluate(
  method: ContinualMethod,
  datasets: readonly TestSet[],
  context: RunContext,
  options: EvaluateOptions,
): Promise<number[]> {
  checkOptions(options, optionKeys, "evaluate");
  const total = datasets.reduce((count, { test }) => count + test.length, 0);
  const { model } = context;
  const { device, preprocessing } = model;
  const { features, known = [], onMeasured } = options;
  const makeClassifier = (labels: LabelSpace): Classifier =>
    method.featureClassifier?.(labels, context) ?? method.classifier(labels, context);
  const batchSize = new AdaptiveBatchSize(options.batchSize, device);
  const highest = batchSize.current;
  const accuracies = [...known];
  let done = known.reduce((count, _, index) => count + (datasets[index] as TestSet).test.length, 0);
  return torch.scope(async () => {
    using encoder = new BulkEncoder(model, { batchSize: highest, images: total });
    let joint: Classifier | undefined;
    for (const [index, { name, test }] of datasets.entries()) {
      if (index < known.length) continue;
      const closeCalls = options.closeCalls && new CloseCalls();
      const predict = predictor(method, encoder, { features, closeCalls });
      const { labels, offset } = candidates(options.protocol, datasets, index);
      const isJoint = options.protocol === "x-tail";
      const classify = (isJoint ? joint : undefined) ?? makeClassifier(labels);
      if (isJoint) joint = classify;
      const correct = torch.zeros([], { dtype: "int64", device });
      features?.begin(test);
      const own = ownImages(test.length, highest, index);
      for (let start = own.start; start < own.end; ) {
        context.signal.throwIfAborted();
        const end = Math.min(start + batchSize.current, own.end);
        const isDone = batchSize.fits(() =>
          torch.scope(() => {
            const { images, labels } = test.slice(start, end, device);
            const pixels = (): Tensor => preprocessing.normalise(images);
            const predicted = predict(classify, { dataset: name, test, start, end, pixels });
            correct.add_(predicted.eq(labels.add(offset)).sum());
          }),
        );
        if (!isDone) continue;
        done += end - start;
        start = end;
        options.onProgress?.(done, total);
        await setImmediate();
      }
      features?.finish(test);
      done += test.length - (own.end - own.start); // of other processes
      const { correct: sum, ...counts } = sumOfAll(correct, closeCalls);
      const accuracy = sum / test.length;
      accuracies.push(accuracy);
      options.closeCalls?.add(counts);
      onMeasured?.(index, accuracy, counts);
    }
    return accuracies;
  });
}

/**
 * The test images that this process classifies, in whole batches: each is the same, bit by bit, as with one
 * process.
 * @param turn lets another process have the larger part of another dataset
 */
function ownImages(length: number, batchSize: number, turn: number): torch.distributed.Rows {
  const { rank, worldSize, ownRows } = torch.distributed;
  const place = { rank: (rank() + turn) % worldSize(), worldSize: worldSize() };
  const { start, end } = ownRows(Math.ceil(length / batchSize), place);
  return { start: Math.min(start * batchSize, length), end: Math.min(end * batchSize, length) };
}

/** The counts of all processes on a dataset, read from the device. */
function sumOfAll(
  correct: Tensor,
  { images, confirmed, changed }: CloseCallCounts = new CloseCalls(),
): CloseCallCounts & { readonly correct: number } {
  const { device } = correct;
  const own = torch.tensor([images, confirmed, changed], { dtype: "int64", device });
  const counts = torch.cat([correct.reshape([1]), own]);
  torch.distributed.allReduce(counts);
  const sums = (counts.toArray() as bigint[]).map(Number) as [number, number, number, number];
  return { correct: sums[0], images: sums[1], confirmed: sums[2], changed: sums[3] };
}
