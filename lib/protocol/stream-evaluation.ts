import type { ProtocolName } from "../methods/index.js";
import { defaultEvaluationBatchSize } from "../options/index.js";
import type { Accuracy } from "../records/index.js";
import type { Attempt } from "./attempt.js";
import { CloseCalls } from "./close-calls.js";
import { evaluate, type TestSet } from "./evaluate.js";
import { MeasuredRow } from "./measured-row.js";
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
    const { tasks, holdOuts = [] } = options;
    memory.begin();
    const row = this.begin(taskIndex);
    const streamImages = countImages(tasks);
    const total = streamImages + countImages(holdOuts);
    const ofHoldOuts = { protocol: "mtil", before: streamImages, total } as const; // only their own classes compete
    const accuracies = {
      stream: await this.of(tasks, row, { total }),
      holdOuts: await this.of(holdOuts, row, ofHoldOuts),
    };
    this.#attempt.log({
      kind: "evaluation",
      task: taskIndex,
      accuracy: byName(tasks, accuracies.stream),
      ...(holdOuts.length > 0 && { holdOuts: byName(holdOuts, accuracies.holdOuts) }),
      ...row.describe(),
      ...memory.end(taskIndex < 0 ? "zero-shot" : "evaluation"),
    });
    return accuracies;
  }

  /** A row that is measured from here on, or where an earlier process was. */
  begin(taskIndex: number): MeasuredRow {
    return new MeasuredRow(this.#attempt, taskIndex);
  }

  /**
   * Measures the next datasets of a row.
   * @param progress how many images there are in all, and how many were done before these
   */
  of(
    datasets: readonly TestSet[],
    row: MeasuredRow,
    progress: { protocol?: ProtocolName; before?: number; total?: number } = {},
  ): Promise<number[]> {
    const { options } = this.#attempt;
    const { evaluationBatchSize, evaluationPrecision, method, observer } = options;
    const { protocol = options.protocol, before = 0, total = countImages(datasets) } = progress;
    return evaluate(method, datasets, this.#attempt.contextOf(row.task), {
      protocol,
      batchSize: evaluationBatchSize ?? defaultEvaluationBatchSize,
      features: this.#features.of(row.task),
      closeCalls: evaluationPrecision === "bf16" ? new CloseCalls() : undefined,
      known: row.take(datasets).map(({ accuracy }) => accuracy),
      onMeasured: (index, accuracy, closeCalls) =>
        row.add({
          name: (datasets[index] as TestSet).name,
          accuracy,
          closeCalls: closeCalls.images === 0 ? undefined : closeCalls, // all were encoded exactly
          notes: method.evaluationNotes?.(),
        }),
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
