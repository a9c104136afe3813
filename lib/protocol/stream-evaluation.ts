import type { ProtocolName } from "../methods/index.js";
import { defaultEvaluationBatchSize } from "../options/index.js";
import type { Accuracy } from "../records/index.js";
import { type Attempt, secondsSince } from "./attempt.js";
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
    const accuracies = {
      stream: await this.of(tasks, taskIndex, { total }),
      // In every protocol, only their own classes compete.
      holdOuts: await this.of(holdOuts, taskIndex, { protocol: "mtil", before: streamImages, total }),
    };
    this.#attempt.log({
      kind: "evaluation",
      task: taskIndex,
      accuracy: byName(tasks, accuracies.stream),
      ...(holdOuts.length > 0 && { holdOuts: byName(holdOuts, accuracies.holdOuts) }),
      ...method.evaluationNotes?.(),
      seconds: secondsSince(began),
      ...memory.end(taskIndex < 0 ? "zero-shot" : "evaluation"),
    });
    return accuracies;
  }

  /** @param progress how many images there are in all, and how many were done before these */
  of(
    datasets: readonly TestSet[],
    taskIndex: number,
    progress: { protocol?: ProtocolName; before?: number; total?: number } = {},
  ): Promise<number[]> {
    const { options } = this.#attempt;
    const { evaluationBatchSize, method, observer } = options;
    const { protocol = options.protocol, before = 0, total = countImages(datasets) } = progress;
    return evaluate(method, datasets, this.#attempt.contextOf(taskIndex), {
      protocol,
      batchSize: evaluationBatchSize ?? defaultEvaluationBatchSize,
      features: this.#features.of(taskIndex),
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

function countImages(datasets: readonly TestSet[]): number {
  return datasets.reduce((count, { test }) => count + test.length, 0);
}
