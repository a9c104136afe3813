import type { Task } from "../data/index.js";
import type { ContinualMethod, ProtocolName, RunContext, RunEvent, TrainSummary } from "../methods/index.js";
import { defaultEvaluationBatchSize } from "../options/index.js";
import type { AccuracyMatrix, RunRecord, Samples } from "../records/index.js";
import { evaluate, type TestSet } from "./evaluate.js";
import { FrozenFeatures } from "./frozen-features.js";
import { MemoryMeter } from "./memory.js";
import { RunDirectory } from "./run-directory.js";
import type { RunOptions } from "./run-options.js";
import { checkIsSame, newRecord } from "./run-record.js";

/** One attempt at a stream, from what is on disk to the last row of the matrix. */
export class StreamRun {
  readonly #options: RunOptions;
  readonly #tasks: readonly Task[];
  readonly #holdOuts: readonly TestSet[];
  readonly #method: ContinualMethod;
  readonly #directory: RunDirectory;
  readonly #record: RunRecord;
  readonly #signal: AbortSignal;
  // Begun once the method is ready: what it loads counts as loading.
  #clock!: () => number;
  #memory!: MemoryMeter;

  /** @throws if the directory holds a run that must not be gone on with */
  constructor(options: RunOptions) {
    this.#options = options;
    this.#tasks = options.tasks;
    this.#holdOuts = options.holdOuts ?? [];
    this.#method = options.method;
    this.#directory = new RunDirectory(options.directory);
    this.#record = openRecord(this.#directory, options);
    this.#signal = options.signal ?? new AbortController().signal;
  }

  /** Does what is still to be done. Call it once. @returns the accuracy matrix */
  async finish(): Promise<AccuracyMatrix> {
    await this.#method.beginRun?.(this.#contextOf(-1));
    this.#clock = startClock(this.#record.durationSeconds);
    this.#memory = new MemoryMeter(this.#options.model.device, this.#record.memory);
    this.#begin();
    const accuracy = this.#directory.readMatrix() ?? emptyMatrix(this.#tasks, this.#holdOuts);
    using features = new FrozenFeatures();
    if (accuracy.zeroShot === undefined) await this.#evaluateZeroShot(accuracy, features);
    const firstTask = accuracy.matrix.length;
    for (let t = firstTask; t < this.#tasks.length; t++) {
      this.#options.observer?.taskStarted?.(t, this.#tasks[t] as Task);
      const isUnchanged = await this.#reachTask(t, firstTask);
      this.#directory.keepOnlyCheckpoint(t);
      this.#add(accuracy, isUnchanged ? latest(accuracy) : await this.#evaluateAll(t, features));
      this.#options.observer?.taskFinished?.(t, accuracy.matrix[t] as number[]);
    }
    if (this.#record.finishedAt === null) {
      this.#directory.writeRecord({ ...this.#record, finishedAt: new Date().toISOString() });
    }
    return accuracy;
  }

  /** Writes what the run is. Not before the method accepts it. */
  #begin(): void {
    if (this.#directory.exists()) return;
    const samples = samplesOf(this.#tasks);
    if (Object.keys(samples).length > 0) this.#directory.writeSamples(samples);
    this.#directory.writeRecord(this.#record);
  }

  async #evaluateZeroShot(accuracy: AccuracyMatrix, features: FrozenFeatures): Promise<void> {
    this.#directory.dropEventsFrom(-1);
    const { stream, holdOuts } = await this.#evaluateAll(-1, features);
    accuracy.zeroShot = stream;
    if (accuracy.holdOuts) accuracy.holdOuts.zeroShot = holdOuts;
    this.#saveProgress(accuracy);
    this.#options.observer?.taskFinished?.(-1, stream);
  }

  #add(accuracy: AccuracyMatrix, { stream, holdOuts }: Accuracies): void {
    accuracy.matrix.push(stream);
    accuracy.holdOuts?.matrix.push(holdOuts);
    this.#saveProgress(accuracy);
  }

  /**
   * Has model and method as they are after a task, and a checkpoint of them.
   * @param firstTask of this attempt
   * @returns whether the task changed nothing
   */
  async #reachTask(t: number, firstTask: number): Promise<boolean> {
    const directory = this.#directory;
    const { model } = this.#options;
    if (directory.hasCheckpoint(t)) {
      directory.loadCheckpoint(t, model, this.#method); // trained before the interruption, not yet evaluated
      directory.dropEventsFrom(t, "evaluation");
      return false;
    }
    if (t > 0 && t === firstTask) directory.loadCheckpoint(t - 1, model, this.#method);
    directory.dropEventsFrom(t);
    const summary = await this.#learn(t);
    this.#record.trainableParameters = summary.trainableParameters;
    directory.writeRecord(this.#record);
    directory.saveCheckpoint(t, model, this.#method);
    return summary.iterations === 0;
  }

  async #learn(t: number): Promise<TrainSummary> {
    const [method, task, context] = [this.#method, this.#tasks[t] as Task, this.#contextOf(t)];
    const began = performance.now();
    this.#memory.begin();
    const about = { task: t, dataset: task.name };
    context.log({ kind: "task-start", ...about, images: task.train.length, classes: task.classes.length });
    await method.beginTask(task, context);
    const summary = await method.trainTask(task, context);
    await method.endTask(task, context);
    context.log({
      kind: "task-end",
      ...about,
      ...summary,
      seconds: (performance.now() - began) / 1000,
      ...this.#memory.end("training"),
    });
    return summary;
  }

  async #evaluateAll(taskIndex: number, features: FrozenFeatures): Promise<Accuracies> {
    const { protocol, evaluationBatchSize, observer } = this.#options;
    const [tasks, holdOuts] = [this.#tasks, this.#holdOuts];
    const began = performance.now();
    this.#memory.begin();
    const context = this.#contextOf(taskIndex);
    const [streamImages, holdOutImages] = [countImages(tasks), countImages(holdOuts)];
    const on = (datasets: readonly TestSet[], labels: ProtocolName, before: number) =>
      evaluate(this.#method, datasets, context, {
        protocol: labels,
        batchSize: evaluationBatchSize ?? defaultEvaluationBatchSize,
        features,
        onProgress: (done) => observer?.evaluated?.(before + done, streamImages + holdOutImages),
      });
    const accuracies = {
      stream: await on(tasks, protocol, 0),
      holdOuts: await on(holdOuts, "mtil", streamImages), // in every protocol, only their own classes compete
    };
    context.log({
      kind: "evaluation",
      task: taskIndex,
      accuracy: byName(tasks, accuracies.stream),
      ...(holdOuts.length > 0 && { holdOuts: byName(holdOuts, accuracies.holdOuts) }),
      ...this.#method.evaluationNotes?.(),
      seconds: (performance.now() - began) / 1000,
      ...this.#memory.end(taskIndex < 0 ? "zero-shot" : "evaluation"),
    });
    return accuracies;
  }

  #contextOf(taskIndex: number): RunContext {
    const { model, protocol, seed, inherited, reference, observer } = this.#options;
    const [tasks, directory] = [this.#tasks, this.#directory];
    const dataset = (): string => (tasks[taskIndex] as Task).name;
    return {
      model,
      protocol,
      seed,
      taskIndex,
      learned: tasks
        .slice(0, Math.max(taskIndex, 0))
        .map(({ name, classes, templates }) => ({ name, classes, templates })),
      classNames: tasks.flatMap(({ classes }) => classes),
      inherited,
      reference,
      signal: this.#signal,
      log: (event) => this.#log(event),
      progress: (done, total, loss) => observer?.trained?.(done, total, loss),
      worked: (what, done, total) => observer?.worked?.(what, done, total),
      recordRanks: (rank, modules, active) =>
        directory.recordRanks(taskIndex, { dataset: dataset(), rank, modules, active }),
      recordUpdates: (updates) => directory.recordUpdates(taskIndex, updates),
      recordChanges: (rank, modules) =>
        directory.recordChanges(taskIndex, { dataset: dataset(), rank, modules }),
    };
  }

  #log(event: RunEvent): void {
    this.#directory.appendEvent(event);
    this.#options.observer?.logged?.(event);
  }

  #saveProgress(accuracy: AccuracyMatrix): void {
    const [record, { peaks }] = [this.#record, this.#memory];
    this.#directory.writeMatrix(accuracy);
    record.durationSeconds = this.#clock();
    record.memory = peaks;
    const highest = Object.values(peaks).map(({ peakResidentBytes }) => peakResidentBytes);
    record.peakResidentBytes = Math.max(record.peakResidentBytes, ...highest);
    this.#directory.writeRecord(record);
  }
}

/**
 * The record of the run that is in the directory, or of a new one, which is not written yet.
 * @throws if there is one that must not be gone on with
 */
function openRecord(directory: RunDirectory, options: RunOptions): RunRecord {
  const fresh = newRecord(options);
  if (!directory.exists()) return fresh;
  if (!options.resume) {
    throw new Error(
      `${directory.path} holds a run already: expected a new directory. Pass --resume to go on with it, or name another directory.`,
    );
  }
  const found = directory.readRecord();
  checkIsSame(found, fresh, directory.path);
  return found;
}

/** Accuracies of one evaluation, in the order of the tasks and of the hold-outs. */
interface Accuracies {
  readonly stream: number[];
  readonly holdOuts: number[];
}

function emptyMatrix(tasks: readonly Task[], holdOuts: readonly TestSet[]): AccuracyMatrix {
  const empty = (datasets: readonly TestSet[]) => ({
    datasets: datasets.map(({ name }) => name),
    matrix: [] as number[][],
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

function byName(datasets: readonly TestSet[], accuracies: readonly number[]): Record<string, number> {
  return Object.fromEntries(datasets.map(({ name }, j) => [name, accuracies[j] as number]));
}

function countImages(datasets: readonly TestSet[]): number {
  return datasets.reduce((count, { test }) => count + test.length, 0);
}

/** Seconds of running time, with those of earlier attempts. */
function startClock(before: number): () => number {
  const began = performance.now();
  return () => before + (performance.now() - began) / 1000;
}

function samplesOf(tasks: readonly Task[]): Samples {
  const drawn = tasks.flatMap(({ name, sample }) => {
    if (sample === undefined) return [];
    const { indices, ...record } = sample;
    return [[name, record] as const];
  });
  return Object.fromEntries(drawn);
}
