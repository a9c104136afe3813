import type { ClipModel } from "../clip/index.js";
import type { Task } from "../data/index.js";
import type {
  ContinualMethod,
  MethodState,
  ProtocolName,
  ReferenceData,
  RunContext,
  RunEvent,
  TrainSummary,
} from "../methods/index.js";
import {
  type BatchSize,
  checkOptions,
  defaultEvaluationBatchSize,
  type OptionKeys,
} from "../options/index.js";
import type { AccuracyMatrix, RunRecord, Samples } from "../records/index.js";
import { evaluate, type TestSet } from "./evaluate.js";
import { FrozenFeatures } from "./frozen-features.js";
import { duplicateNames } from "./label-spaces.js";
import { MemoryMeter } from "./memory.js";
import { RunDirectory } from "./run-directory.js";
import { checkIsSame, newRecord } from "./run-record.js";

/** What a run tells whoever watches it. */
export interface RunObserver {
  taskStarted?(index: number, task: Task): void;
  trained?(done: number, total: number, loss: number): void;
  /** Of work beside training; `what` is for people. */
  worked?(what: string, done: number, total: number): void;
  evaluated?(done: number, total: number): void;
  /** After each evaluation; `index` is −1 for the one before any training. */
  taskFinished?(index: number, accuracies: readonly number[]): void;
  /** Every event, after it went to `events.jsonl`. */
  logged?(event: RunEvent): void;
  warn?(message: string): void;
}

export interface RunOptions {
  readonly name: string;
  readonly protocol: ProtocolName;
  readonly model: ClipModel;
  readonly method: ContinualMethod;
  readonly tasks: readonly Task[];
  /**
   * Datasets that are tested on like those of the tasks, but never trained on; each against its own classes,
   * in every protocol.
   */
  readonly holdOuts?: readonly TestSet[];
  /** Images and texts that belong to no task, for methods that distil on them. */
  readonly reference?: ReferenceData;
  /** What a method kept in an earlier run, where the model came with it. */
  readonly inherited?: MethodState;
  readonly seed: number;
  /** Where the run's files go. */
  readonly directory: string;
  /** Go on with a run that was interrupted; starts it when there is none. */
  readonly resume?: boolean;
  /** Test images per pass; `auto` takes what fits into memory. */
  readonly evaluationBatchSize?: BatchSize;
  /** Recorded with the run, beside the method's own options. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  readonly observer?: RunObserver;
}

const optionKeys: OptionKeys<RunOptions> = {
  name: true,
  protocol: true,
  model: true,
  method: true,
  tasks: true,
  holdOuts: true,
  reference: true,
  inherited: true,
  seed: true,
  directory: true,
  resume: true,
  evaluationBatchSize: true,
  config: true,
  signal: true,
  observer: true,
};

/**
 * Runs a method over a stream of tasks: zero-shot evaluation, then for each task training and evaluation on
 * all datasets and hold-outs. Everything is on disk after each task: a run that was stopped at any moment
 * goes on with `resume` and ends in the same matrix. The method is disposed of at the end.
 * @returns the accuracy matrix
 * @throws if the directory holds another run, the loss is not finite, or the run is aborted
 */
export async function run(options: RunOptions): Promise<AccuracyMatrix> {
  checkOptions(options, optionKeys, "protocol.run");
  try {
    return await runStream(options);
  } finally {
    options.method.dispose?.();
  }
}

async function runStream(options: RunOptions): Promise<AccuracyMatrix> {
  const { method, model, tasks, holdOuts = [], protocol, seed, reference, observer = {} } = options;
  const signal = options.signal ?? new AbortController().signal;
  const directory = new RunDirectory(options.directory);
  checkStream(options);
  const record = openRecord(directory, options);
  const log = (event: RunEvent): void => {
    directory.appendEvent(event);
    observer.logged?.(event);
  };

  const contextOf = (taskIndex: number): RunContext => ({
    model,
    protocol,
    seed,
    taskIndex,
    learned: tasks
      .slice(0, Math.max(taskIndex, 0))
      .map(({ name, classes, templates }) => ({ name, classes, templates })),
    classNames: tasks.flatMap(({ classes }) => classes),
    inherited: options.inherited,
    reference,
    signal,
    log,
    progress: (done, total, loss) => observer.trained?.(done, total, loss),
    worked: (what, done, total) => observer.worked?.(what, done, total),
    recordRanks(rank, modules, active) {
      const dataset = (tasks[taskIndex] as Task).name;
      directory.recordRanks(taskIndex, { dataset, rank, modules, active });
    },
    recordUpdates: (updates) => directory.recordUpdates(taskIndex, updates),
    recordChanges(rank, changes) {
      directory.recordChanges(taskIndex, {
        dataset: (tasks[taskIndex] as Task).name,
        rank,
        modules: changes,
      });
    },
  });

  await method.beginRun?.(contextOf(-1));
  if (!directory.exists()) {
    // Not before the method accepts the run.
    const samples = samplesOf(tasks);
    if (Object.keys(samples).length > 0) directory.writeSamples(samples);
    directory.writeRecord(record);
  }
  const accuracy = directory.readMatrix() ?? emptyMatrix(tasks, holdOuts);
  const clock = startClock(record.durationSeconds);
  const memory = new MemoryMeter(model.device, record.memory);
  using features = new FrozenFeatures();

  const evaluateAll = async (taskIndex: number): Promise<Accuracies> => {
    const began = performance.now();
    memory.begin();
    const context = contextOf(taskIndex);
    const [streamImages, holdOutImages] = [countImages(tasks), countImages(holdOuts)];
    const on = (datasets: readonly TestSet[], labels: ProtocolName, before: number) =>
      evaluate(method, datasets, context, {
        protocol: labels,
        batchSize: options.evaluationBatchSize ?? defaultEvaluationBatchSize,
        features,
        onProgress: (done) => observer.evaluated?.(before + done, streamImages + holdOutImages),
      });
    const accuracies = {
      stream: await on(tasks, protocol, 0),
      holdOuts: await on(holdOuts, "mtil", streamImages), // in every protocol, only their own classes compete
    };
    log({
      kind: "evaluation",
      task: taskIndex,
      accuracy: byName(tasks, accuracies.stream),
      ...(holdOuts.length > 0 && { holdOuts: byName(holdOuts, accuracies.holdOuts) }),
      ...method.evaluationNotes?.(),
      seconds: (performance.now() - began) / 1000,
      ...memory.end(taskIndex < 0 ? "zero-shot" : "evaluation"),
    });
    return accuracies;
  };

  const saveProgress = (): void => {
    directory.writeMatrix(accuracy);
    record.durationSeconds = clock();
    record.memory = memory.peaks;
    const peaks = Object.values(memory.peaks).map(({ peakResidentBytes }) => peakResidentBytes);
    record.peakResidentBytes = Math.max(record.peakResidentBytes, ...peaks);
    directory.writeRecord(record);
  };

  if (accuracy.zeroShot === undefined) {
    directory.dropEventsFrom(-1);
    const zeroShot = await evaluateAll(-1);
    accuracy.zeroShot = zeroShot.stream;
    if (accuracy.holdOuts) accuracy.holdOuts.zeroShot = zeroShot.holdOuts;
    saveProgress();
    observer.taskFinished?.(-1, zeroShot.stream);
  }
  const firstTask = accuracy.matrix.length;
  for (let t = firstTask; t < tasks.length; t++) {
    const task = tasks[t] as Task;
    observer.taskStarted?.(t, task);
    let isUnchanged = false;
    if (directory.hasCheckpoint(t)) {
      directory.loadCheckpoint(t, model, method); // trained before the interruption, not yet evaluated
      directory.dropEventsFrom(t, "evaluation");
    } else {
      if (t > 0 && t === firstTask) directory.loadCheckpoint(t - 1, model, method);
      directory.dropEventsFrom(t);
      const summary = await learn(method, task, contextOf(t), memory);
      isUnchanged = summary.iterations === 0;
      record.trainableParameters = summary.trainableParameters;
      directory.writeRecord(record);
      directory.saveCheckpoint(t, model, method);
    }
    directory.keepOnlyCheckpoint(t);
    const accuracies = isUnchanged ? latest(accuracy) : await evaluateAll(t);
    accuracy.matrix.push(accuracies.stream);
    accuracy.holdOuts?.matrix.push(accuracies.holdOuts);
    saveProgress();
    observer.taskFinished?.(t, accuracies.stream);
  }
  if (record.finishedAt === null) directory.writeRecord({ ...record, finishedAt: new Date().toISOString() });
  return accuracy;
}

function checkStream({ tasks, holdOuts = [], protocol, observer }: RunOptions): void {
  if (tasks.length === 0)
    throw new Error("run: expected at least one task, got none. Name the datasets in the configuration.");
  const names = [...tasks, ...holdOuts].map(({ name }) => name);
  const repeated = names.find((name, i) => names.indexOf(name) < i);
  if (repeated !== undefined) {
    throw new Error(
      `run: expected tasks and hold-outs with distinct names, got '${repeated}' twice. A hold-out is never trained on: ` +
        "take it out of the stream, or rename one of them.",
    );
  }
  const duplicates = protocol === "x-tail" ? duplicateNames(tasks) : [];
  if (duplicates.length > 0) {
    observer?.warn?.(
      `Class names in more than one dataset cannot be told apart by name: ${duplicates.join(", ")}.`,
    );
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

async function learn(
  method: ContinualMethod,
  task: Task,
  context: RunContext,
  memory: MemoryMeter,
): Promise<TrainSummary> {
  const began = performance.now();
  memory.begin();
  const about = { task: context.taskIndex, dataset: task.name };
  context.log({ kind: "task-start", ...about, images: task.train.length, classes: task.classes.length });
  await method.beginTask(task, context);
  const summary = await method.trainTask(task, context);
  await method.endTask(task, context);
  context.log({
    kind: "task-end",
    ...about,
    ...summary,
    seconds: (performance.now() - began) / 1000,
    ...memory.end("training"),
  });
  return summary;
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
