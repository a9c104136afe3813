import { setImmediate } from "node:timers/promises";
import type { ImageSet } from "../data/index.js";
import type {
  Classifier,
  ContinualMethod,
  LabelGroup,
  LabelSpace,
  ProtocolName,
  RunContext,
} from "../methods/index.js";
import { type BatchSize, checkOptions } from "../options/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import { AdaptiveBatchSize } from "./batch-size.js";
import type { FrozenFeatures } from "./frozen-features.js";
import { candidates } from "./label-spaces.js";

/** What accuracy is measured on: a task, or a dataset that is never trained on. */
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
  readonly onProgress?: (done: number, total: number) => void;
}

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
  checkOptions(options, { protocol: true, batchSize: true, features: true, onProgress: true }, "evaluate");
  const total = datasets.reduce((count, { test }) => count + test.length, 0);
  const { model } = context;
  const { device, preprocessing } = model;
  const { features } = options;
  const makeClassifier = (labels: LabelSpace): Classifier =>
    method.featureClassifier?.(labels, context) ?? method.classifier(labels, context);
  const batchSize = new AdaptiveBatchSize(options.batchSize, device);
  let done = 0;
  return torch.scope(async () => {
    let joint: Classifier | undefined;
    const accuracies: number[] = [];
    for (const [index, { name, test }] of datasets.entries()) {
      const { labels, offset } = candidates(options.protocol, datasets, index);
      const isJoint = options.protocol === "x-tail";
      const classify = (isJoint ? joint : undefined) ?? makeClassifier(labels);
      if (isJoint) joint = classify;
      const correct = torch.zeros([], { dtype: "int64", device });
      for (let start = 0; start < test.length; ) {
        context.signal.throwIfAborted();
        const end = Math.min(start + batchSize.current, test.length);
        const isDone = batchSize.fits(() =>
          torch.scope(() => {
            const { images, labels } = test.slice(start, end, device);
            const pixels = (): Tensor => preprocessing.normalise(images);
            const encode = (): Tensor => torch.inferenceMode(() => model.encodeImage(pixels()));
            const input =
              method.featureClassifier === undefined
                ? pixels()
                : (features?.of(test, start, end, encode) ?? encode());
            // The first of equal scores wins: torch's argmax of equal values is the lowest index.
            const predicted = classify(input, name).argmax(1);
            correct.add_(predicted.eq(labels.add(offset)).sum());
          }),
        );
        if (!isDone) continue;
        done += end - start;
        start = end;
        options.onProgress?.(done, total);
        await setImmediate();
      }
      accuracies.push(Number(correct.item()) / test.length);
    }
    return accuracies;
  });
}
