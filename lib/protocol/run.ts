import { execFileSync } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { ClipModel } from "../clip/index.js";
import type { Task } from "../data/index.js";
import type { ContinualMethod, ProtocolName, RunContext, TrainSummary } from "../methods/index.js";
import * as torch from "../torch/index.js";
import { evaluate } from "./evaluate.js";
import { duplicateNames } from "./label-spaces.js";
import type { AccuracyMatrix } from "./metrics.js";
import { RunDirectory, type RunRecord, type SampleRecord } from "./run-directory.js";

/** What a run tells whoever watches it. */
export interface RunObserver {
  taskStarted?(index: number, task: Task): void;
  trained?(done: number, total: number, loss: number): void;
  evaluated?(done: number, total: number): void;
  /** After each evaluation; `index` is −1 for the one before any training. */
  taskFinished?(index: number, accuracies: readonly number[]): void;
  warn?(message: string): void;
}

export interface RunOptions {
  readonly name: string;
  readonly protocol: ProtocolName;
  readonly model: ClipModel;
  readonly method: ContinualMethod;
  readonly tasks: readonly Task[];
  readonly seed: number;
  /** Where the run's files go. */
  readonly directory: string;
  /** Go on with a run that was interrupted; starts it when there is none. */
  readonly resume?: boolean;
  readonly evaluationBatchSize?: number;
  /** Recorded with the run, beside the method's own options. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  readonly observer?: RunObserver;
}

/**
 * Runs a method over a stream of tasks: zero-shot evaluation, then for each task training and evaluation on all datasets. Everything is on
 * disk after each task: a run that was stopped at any moment goes on with `resume` and ends in the same matrix.
 * @returns the accuracy matrix
 * @throws if the directory holds another run, the loss is not finite, or the run is aborted
 */
export async function run(options: RunOptions): Promise<AccuracyMatrix> {
  const { method, model, tasks, protocol, seed, observer = {} } = options;
  const signal = options.signal ?? new AbortController().signal;
  const directory = new RunDirectory(options.directory);
  if (tasks.length === 0)
    throw new Error("run: expected at least one task, got none. Name the datasets in the configuration.");
  const duplicates = protocol === "x-tail" ? duplicateNames(tasks) : [];
  if (duplicates.length > 0) {
    observer.warn?.(
      `Class names in more than one dataset cannot be told apart by name: ${duplicates.join(", ")}.`,
    );
  }
  const record = openRecord(directory, options);
  const accuracy = directory.readMatrix() ?? { datasets: tasks.map((task) => task.name), matrix: [] };
  const clock = startClock(record.durationSeconds);

  const contextOf = (taskIndex: number): RunContext => ({
    model,
    protocol,
    seed,
    taskIndex,
    learned: tasks
      .slice(0, Math.max(taskIndex, 0))
      .map(({ name, classes, templates }) => ({ name, classes, templates })),
    signal,
    log: (event) => directory.appendEvent(event),
    progress: (done, total, loss) => observer.trained?.(done, total, loss),
    recordRanks(rank, modules, active) {
      directory.recordRanks(taskIndex, (tasks[taskIndex] as Task).name, rank, modules, active);
    },
    recordUpdates: (updates) => directory.recordUpdates(taskIndex, updates),
  });

  const evaluateAll = async (taskIndex: number): Promise<number[]> => {
    const began = performance.now();
    const accuracies = await evaluate(method, tasks, contextOf(taskIndex), {
      protocol,
      batchSize: options.evaluationBatchSize ?? 100,
      onProgress: observer.evaluated,
    });
    directory.appendEvent({
      kind: "evaluation",
      task: taskIndex,
      accuracy: Object.fromEntries(tasks.map((task, j) => [task.name, accuracies[j]])),
      seconds: (performance.now() - began) / 1000,
    });
    return accuracies;
  };

  const saveProgress = (): void => {
    directory.writeMatrix(accuracy);
    record.durationSeconds = clock();
    record.peakResidentBytes = Math.max(record.peakResidentBytes, process.resourceUsage().maxRSS * 1024);
    directory.writeRecord(record);
  };

  if (accuracy.zeroShot === undefined) {
    directory.dropEventsFrom(-1);
    accuracy.zeroShot = await evaluateAll(-1);
    saveProgress();
    observer.taskFinished?.(-1, accuracy.zeroShot);
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
      const summary = await learn(method, task, contextOf(t));
      isUnchanged = summary.iterations === 0;
      record.trainableParameters = summary.trainableParameters;
      directory.writeRecord(record);
      directory.saveCheckpoint(t, model, method);
    }
    directory.keepOnlyCheckpoint(t);
    const before = accuracy.matrix.at(-1) ?? accuracy.zeroShot;
    const accuracies = isUnchanged ? [...before] : await evaluateAll(t);
    accuracy.matrix.push(accuracies);
    saveProgress();
    observer.taskFinished?.(t, accuracies);
  }
  if (record.finishedAt === null) directory.writeRecord({ ...record, finishedAt: new Date().toISOString() });
  return accuracy;
}

async function learn(method: ContinualMethod, task: Task, context: RunContext): Promise<TrainSummary> {
  const began = performance.now();
  const about = { task: context.taskIndex, dataset: task.name };
  context.log({ kind: "task-start", ...about, images: task.train.length, classes: task.classes.length });
  await method.beginTask(task, context);
  const summary = await method.trainTask(task, context);
  await method.endTask(task, context);
  context.log({ kind: "task-end", ...about, ...summary, seconds: (performance.now() - began) / 1000 });
  return summary;
}

/** Seconds of running time, with those of earlier attempts. */
function startClock(before: number): () => number {
  const began = performance.now();
  return () => before + (performance.now() - began) / 1000;
}

function openRecord(directory: RunDirectory, options: RunOptions): RunRecord {
  const fresh = newRecord(options);
  if (!directory.exists()) {
    const samples = samplesOf(options.tasks);
    if (Object.keys(samples).length > 0) directory.writeSamples(samples);
    directory.writeRecord(fresh);
    return fresh;
  }
  if (!options.resume) {
    throw new Error(
      `${directory.path} holds a run already: expected a new directory. Pass --resume to go on with it, or name another directory.`,
    );
  }
  const found = directory.readRecord();
  const mustAgree = ["method", "protocol", "seed", "config", "datasets"] as const;
  const different = mustAgree.flatMap((key) => differences(found[key], toJson(fresh[key]), key));
  if (different.length > 0) {
    throw new Error(
      `${directory.path} holds a run with another ${different.join(", ")}: expected the same to resume it. ` +
        "Use the configuration in its run.json, or name another directory.",
    );
  }
  return found;
}

function samplesOf(tasks: readonly Task[]): Record<string, SampleRecord> {
  const drawn = tasks.flatMap(({ name, sample }) => {
    if (sample === undefined) return [];
    const { indices, ...record } = sample;
    return [[name, record] as const];
  });
  return Object.fromEntries(drawn);
}

function newRecord({ name, method, protocol, seed, config, tasks, model }: RunOptions): RunRecord {
  return {
    formatVersion: 1,
    name,
    method: method.name,
    protocol,
    seed,
    config: { ...config, options: method.options },
    versions: { codyra: packageVersion(), libtorch: torch.version(), node: process.versions.node },
    gitRevision: gitRevision(),
    datasets: tasks.map((task) => ({
      name: task.name,
      classes: task.classes,
      template: task.templates[0] as string,
      trainImages: task.train.length,
      testImages: task.test.length,
      fingerprint: task.fingerprint,
    })),
    startedAt: new Date().toISOString(),
    finishedAt: null,
    durationSeconds: 0,
    peakResidentBytes: 0,
    trainableParameters: 0,
    totalParameters: model.numParameters(),
  };
}

/** Paths at which two values from JSON differ, such as `config.options.rank`. Arrays count as a whole. */
function differences(found: unknown, fresh: unknown, path: string): string[] {
  if (isDeepStrictEqual(found, fresh)) return [];
  if (!isRecord(found) || !isRecord(fresh)) return [path];
  const keys = new Set([...Object.keys(found), ...Object.keys(fresh)]);
  return Array.from(keys).flatMap((key) => differences(found[key], fresh[key], `${path}.${key}`));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As it will be read back from the file. */
function toJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function packageVersion(): string {
  return (JSON.parse(readFileSync(join(torch.packageRoot, "package.json"), "utf8")) as { version: string })
    .version;
}

/** The revision of codyra's own checkout; null where it is installed as a package. */
function gitRevision(): string | null {
  try {
    const git = (...args: string[]): string =>
      execFileSync("git", args, {
        cwd: torch.packageRoot,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }).trim();
    return realpathSync(git("rev-parse", "--show-toplevel")) === realpathSync(torch.packageRoot)
      ? git("rev-parse", "HEAD")
      : null;
  } catch {
    return null;
  }
}
