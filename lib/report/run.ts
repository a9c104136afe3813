import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  type Accuracy,
  type AccuracyMatrix,
  computeMetrics,
  type GuardRecord,
  isComplete,
  isRun,
  type Metrics,
  matrixPath,
  type RankHistory,
  type RunRecord,
  readGuardRecord,
  readMatrix,
  readRanks,
  readRunRecord,
} from "../records/index.js";
import { type RunPhases, readPhases, type TrainingStep } from "./events.js";

/** A run with its configuration, data and versions: `run.json`. */
export type RunInfo = RunRecord;
export type { RankHistory };

/** Everything a run directory says about one run. */
export interface Run {
  directory: string;
  info: RunInfo;
  accuracy: AccuracyMatrix;
  /** `undefined` while tasks of the stream are missing. */
  metrics: Metrics | undefined;
  /** In training order; empty for methods that do not train. */
  steps: TrainingStep[];
  phases: RunPhases;
  /** Only for methods with low-rank adapters. */
  ranks: RankHistory | undefined;
  /** The guard's measurements, task by task; `undefined` after tasks without any. */
  guard: (GuardRecord | undefined)[];
}

/**
 * Reads a run directory: `run.json`, and as far as the run has come `matrix.json`, `events.jsonl` and
 * `ranks.json`.
 * @throws if the directory holds no run or a file is damaged, naming the file, the field and what was
 * expected
 */
export function readRun(directory: string): Run {
  const info = readRunRecord(directory);
  const accuracy = readAccuracy(directory, info);
  return {
    directory,
    info,
    accuracy,
    metrics: isComplete(accuracy) ? computeMetrics(accuracy) : undefined,
    ...readPhases(directory),
    ranks: readRanks(directory),
    guard: info.datasets.map((_, task) => readGuardRecord(directory, task)),
  };
}

/**
 * The run directories meant by a path: itself, or the runs anywhere inside it, by name.
 * @throws if there is none
 */
export function findRuns(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(
      `${path}: expected a run directory, but there is no such folder. Give a folder made by codyra run.`,
    );
  }
  const found = runsBelow(path);
  if (found.length === 0) {
    throw new Error(
      `${path}: expected a run directory or a folder of them, but there is no run.json in it or below. ` +
        "Give a folder made by codyra run.",
    );
  }
  return found;
}

function runsBelow(path: string): string[] {
  if (isRun(path)) return [path];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
    .flatMap((name) => runsBelow(join(path, name)));
}

/** The shortest distinct labels: the method, with seed or name where several runs share it. */
export function runLabels(runs: Run[]): string[] {
  const candidates: ((run: Run) => string)[] = [
    ({ info }) => info.method,
    ({ info }) => `${info.method}, seed ${info.seed}`,
    ({ info }) => info.name,
    ({ directory }) => directory,
  ];
  return runs.map((run) => {
    const isUnique = (label: (run: Run) => string) =>
      runs.filter((other) => label(other) === label(run)).length === 1;
    return (candidates.find(isUnique) ?? (() => run.directory))(run);
  });
}

function readAccuracy(directory: string, info: RunInfo): AccuracyMatrix {
  const datasets = info.datasets.map(({ name }) => name);
  const accuracy = readMatrix(directory);
  if (accuracy === undefined) return { datasets, matrix: [] };
  const path = matrixPath(directory);
  const holdOuts = info.holdOuts?.map(({ name }) => name);
  const isGrowing = accuracy.datasets.length < datasets.length; // stopped before its matrix was written
  checkNames(
    path,
    "datasets",
    datasets.slice(0, isGrowing ? accuracy.datasets.length : undefined),
    accuracy.datasets,
  );
  checkNames(path, "hold-outs", holdOuts ?? [], accuracy.holdOuts?.datasets ?? []);
  const widened = (row: readonly Accuracy[]): Accuracy[] => datasets.map((_, j) => row[j] ?? null);
  const { zeroShot, matrix } = accuracy;
  return {
    ...accuracy,
    datasets,
    matrix: matrix.map(widened),
    ...(zeroShot && { zeroShot: widened(zeroShot) }),
  };
}

function checkNames(path: string, kind: string, expected: string[], found: string[]): void {
  if (isDeepStrictEqual(found, expected)) return;
  throw new Error(
    `${path}: expected the ${kind} of run.json (${expected.join(", ") || "none"}), got ${found.join(", ") || "none"}. ` +
      "The files come from different runs: restore them, or run again.",
  );
}
