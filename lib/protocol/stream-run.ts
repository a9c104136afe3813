import { checkModel } from "../methods/index.js";
import type { Accuracy, AccuracyMatrix } from "../records/index.js";
import { Attempt } from "./attempt.js";
import type { TestSet } from "./evaluate.js";
import { Growth } from "./growth.js";
import { GuardedTasks } from "./guarded-tasks.js";
import { learnTask } from "./learn-task.js";
import { reasonAgainstCloseCalls } from "./predictor.js";
import type { RunOptions } from "./run-options.js";
import { featureFilesOf } from "./shared-feature-files.js";
import { type Accuracies, StreamEvaluation } from "./stream-evaluation.js";
import { TestFeatures } from "./test-features.js";

/** Goes through a stream, from what is on disk to the last row of the matrix. */
export class StreamRun implements Disposable {
  readonly #attempt: Attempt;
  readonly #features: TestFeatures;
  readonly #evaluation: StreamEvaluation;

  /** @throws if the directory holds a run that must not be gone on with */
  constructor(options: RunOptions) {
    this.#attempt = new Attempt(options);
    this.#features = new TestFeatures(options.method, featureFilesOf(options));
    this.#evaluation = new StreamEvaluation(this.#attempt, this.#features);
  }

  /** Does what is still to be done. Call it once. @returns the accuracy matrix */
  async finish(): Promise<AccuracyMatrix> {
    const { options, directory, record } = this.#attempt;
    checkModel(options.method, options.model);
    await options.method.beginRun?.(this.#attempt.contextOf(-1));
    this.#attempt.begin();
    warnOfPrecision(options);
    const accuracy = directory.readMatrix() ?? emptyMatrix(options);
    await this.#catchUp(accuracy);
    const guarded = new GuardedTasks(this.#attempt);
    const firstTask = accuracy.matrix.length;
    await guarded.catchUp(firstTask - 1);
    for (const [t, task] of options.tasks.entries()) {
      if (t < firstTask) continue;
      options.observer?.taskStarted?.(t, task);
      const isUnchanged = await this.#reachTask(t, t === firstTask);
      directory.keepOnlyCheckpoint(t);
      this.#add(accuracy, isUnchanged ? latest(accuracy) : await this.#evaluation.all(t), t);
      await guarded.look(t);
    }
    if (record.finishedAt === null) {
      directory.removeEvaluations(); // of a row that was in the matrix when an earlier process was killed
      directory.writeRecord({ ...record, finishedAt: new Date().toISOString() });
    }
    return accuracy;
  }

  [Symbol.dispose](): void {
    this.#features.dispose();
  }

  /** Gives the rows so far all their columns, and begins with the one before any training. */
  async #catchUp(accuracy: AccuracyMatrix): Promise<void> {
    const { options, directory } = this.#attempt;
    const known = accuracy.datasets.length;
    if (known < options.tasks.length)
      await new Growth(this.#attempt, this.#evaluation, known).widen(accuracy);
    if (accuracy.zeroShot !== undefined) return;
    directory.dropEventsFrom(-1);
    this.#add(accuracy, await this.#evaluation.all(-1), -1);
  }

  /** @param t −1 for the row before any training */
  #add(accuracy: AccuracyMatrix, { stream, holdOuts }: Accuracies, t: number): void {
    if (t < 0) {
      accuracy.zeroShot = stream;
      if (accuracy.holdOuts) accuracy.holdOuts.zeroShot = holdOuts;
    } else {
      accuracy.matrix.push(stream);
      accuracy.holdOuts?.matrix.push(holdOuts);
    }
    this.#attempt.save(accuracy);
    this.#attempt.directory.removeEvaluations();
    this.#attempt.options.observer?.taskFinished?.(t, stream as number[]);
  }

  /**
   * Has model and method as they are after a task, and a checkpoint of them.
   * @param isFirst whether it is the first task of this attempt
   * @returns whether the task changed nothing
   */
  async #reachTask(t: number, isFirst: boolean): Promise<boolean> {
    const { directory, options, record } = this.#attempt;
    const { model, method } = options;
    if (directory.hasCheckpoint(t)) {
      directory.removeStages();
      directory.loadCheckpoint(t, model, method); // trained before the interruption, not yet evaluated
      directory.dropEventsFrom(t, "evaluation");
      return false;
    }
    if (t > 0 && isFirst) directory.loadCheckpoint(t - 1, model, method);
    directory.dropEventsFrom(t);
    this.#features.files?.dropFrom(t);
    directory.removeEvaluations();
    const summary = await learnTask(this.#attempt, t);
    record.trainableParameters = summary.trainableParameters;
    directory.writeRecord(record);
    directory.saveCheckpoint(t, model, method);
    directory.removeStages();
    return summary.iterations === 0;
  }
}

/** Says so where the precision of an evaluation that is asked for does nothing. */
function warnOfPrecision({ evaluationPrecision, method, model, observer }: RunOptions): void {
  const reason = evaluationPrecision === "bf16" ? reasonAgainstCloseCalls(method, model) : undefined;
  if (reason !== undefined) observer?.warn?.(`evaluationPrecision: bf16 has no effect: ${reason}.`);
}

function emptyMatrix({ tasks, holdOuts = [] }: RunOptions): AccuracyMatrix {
  const empty = (datasets: readonly TestSet[]) => ({
    datasets: datasets.map(({ name }) => name),
    matrix: [] as Accuracy[][],
  });
  return { ...empty(tasks), ...(holdOuts.length > 0 && { holdOuts: empty(holdOuts) }) };
}

/** A copy of what was measured last. */
function latest({ matrix, zeroShot, holdOuts }: AccuracyMatrix): Accuracies {
  return {
    stream: [...(matrix.at(-1) ?? zeroShot ?? [])],
    holdOuts: [...(holdOuts?.matrix.at(-1) ?? holdOuts?.zeroShot ?? [])],
  };
}
