import { setImmediate } from "node:timers/promises";
import type { DualEncoder } from "../clip/index.js";
import { type Classifier, type LabelSpace, type ProtocolName, zeroShotClassifier } from "../methods/index.js";
import { checkOptions, defaultEvaluationBatchSize } from "../options/index.js";
import * as torch from "../torch/index.js";
import type { TestSet } from "./evaluate.js";
import { candidates } from "./label-spaces.js";

export interface EvaluateZeroShotOptions {
  readonly batchSize?: number;
  /** A classifier by class names. Default: the model's text encoder reads all of them. */
  readonly classifier?: (labels: LabelSpace) => Classifier;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Top-1 accuracy of a model by its class names, on the test images of every dataset, as fractions. One pass
 * over the images gives both protocols, since the candidates of `mtil` are some of those of `x-tail`.
 */
export async function evaluateZeroShot(
  model: DualEncoder,
  datasets: readonly TestSet[],
  options: EvaluateZeroShotOptions = {},
): Promise<Record<ProtocolName, number[]>> {
  checkOptions(
    options,
    { batchSize: true, classifier: true, signal: true, onProgress: true },
    "evaluateZeroShot",
  );
  const { batchSize = defaultEvaluationBatchSize, signal, onProgress } = options;
  const { classifier = (labels) => zeroShotClassifier(labels, { model }) } = options;
  const total = datasets.reduce((count, { test }) => count + test.length, 0);
  const accuracies: Record<ProtocolName, number[]> = { "x-tail": [], mtil: [] };
  let done = 0;
  return torch.scope(async () => {
    const classify = classifier({ groups: datasets });
    for (const [index, { test, classes }] of datasets.entries()) {
      const { offset } = candidates("x-tail", datasets, index);
      const correct = { "x-tail": 0, mtil: 0 };
      for (let start = 0; start < test.length; start += batchSize) {
        signal?.throwIfAborted();
        const end = Math.min(start + batchSize, test.length);
        torch.scope(() => {
          const { images, labels } = test.slice(start, end, model.device);
          const scores = classify(model.preprocessing.normalise(images)); // [B, all classes]
          const own = scores.narrow(1, offset, classes.length);
          correct["x-tail"] += Number(scores.argmax(1).eq(labels.add(offset)).sum().item());
          correct.mtil += Number(own.argmax(1).eq(labels).sum().item());
        });
        done += end - start;
        onProgress?.(done, total);
        await setImmediate();
      }
      for (const protocol of ["x-tail", "mtil"] as const)
        accuracies[protocol].push(correct[protocol] / test.length);
    }
    return accuracies;
  });
}
