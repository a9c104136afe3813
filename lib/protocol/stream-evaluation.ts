import type { ProtocolName } from "../methods/index.js";
import { defaultEvaluationBatchSize } from "../options/index.js";
import type { Accuracy } from "../records/index.js";
import { type Attempt, secondsSince } from "./attempt.js";
import { CloseCalls } from "./close-calls.js";
import { evaluate, type TestSet } from "./evaluate.js";
import type { TestFeatures } from "./test-features.js";

/** Accuracies of one evaluation, in the order of the tasks and of the hold-outs. */
export interface Accuracies {
  readonly stream: Accuracy[];
  readonly holdOuts: Accuracy[];
}

/** Evaluates a method on the datasets of its run. */
export class StreamEvaluation {
  readonly #attempt: Attempt;
  readonly #features: TestFeatures;

  constructor(attempt: Attempt, features: TestFeatures) {
    this.#attempt = attempt;
    this.#features = features;
  }

  /** Measures a whole row, hold-outs included, and logs it. */
  async all(taskIndex: number): Promise<Accuracies> {
    const { memory, options } = this.#attempt;
    const { tasks, holdOuts = [], method } = options;
    const began = performance.now();
    memory.begin();
    const streamImages = countImages(tasks);
    const total = streamImages + countImages(holdOuts);
    const closeCalls = new CloseCalls();
    const ofHoldOuts = { protocol: "mtil", before: streamImages, total } as const; // only their own classes compete
    const accuracies = {
      stream: await this.of(tasks, taskIndex, closeCalls, { total }),
      holdOuts: await this.of(holdOuts, taskIndex, closeCalls, ofHoldOuts),
    };
    this.#attempt.log({
      kind: "evaluation",
      task: taskIndex,
      accuracy: byName(tasks, accuracies.stream),
      ...(holdOuts.length > 0 && { holdOuts: byName(holdOuts, accuracies.holdOuts) }),
      ...countsOf(closeCalls),
      ...method.evaluationNotes?.(),
      seconds: secondsSince(began),
      ...memory.end(taskIndex < 0 ? "zero-shot" : "evaluation"),
    });
    return accuracies;
  }

  /**
   * @param closeCalls counts them, where the run encodes test images in bfloat16
   * @param progress how many images there are in all, and how many were done before these
   */
  of(
    datasets: readonly TestSet[],
    taskIndex: number,
    closeCalls: CloseCalls,
    progress: { protocol?: ProtocolName; before?: number; total?: number } = {},
  ): Promise<number[]> {
    const { options } = this.#attempt;
    const { evaluationBatchSize, evaluationPrecision, method, observer } = options;
    const { protocol = options.protocol, before = 0, total = countImages(datasets) } = progress;
    return evaluate(method, datasets, this.#attempt.contextOf(taskIndex), {
      protocol,
      batchSize: evaluationBatchSize ?? defaultEvaluationBatchSize,
      features: this.#features.of(taskIndex),
      closeCalls: evaluationPrecision === "bf16" ? closeCalls : undefined,
      onProgress: (done) => observer?.evaluated?.(before + done, total),
    });
  }
}

export function byName(
  datasets: readonly TestSet[],
  accuracies: readonly Accuracy[],
): Record<string, Accuracy> {
  return Object.fromEntries(datasets.map(({ name }, j) => [name, accuracies[j] as Accuracy]));
}

/** Nothing where all images were encoded exactly. */
export function countsOf({ images, confirmed, changed }: CloseCalls): {
  closeCalls?: Record<string, number>;
} {
  return images === 0 ? {} : { closeCalls: { images, confirmed, changed } };
}

function countImages(datasets: readonly TestSet[]): number {
  return datasets.reduce((count, { test }) => count + test.length, 0);
}
