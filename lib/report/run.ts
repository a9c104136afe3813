import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
// Not through protocol/index.js: that loads the addon, and a report must open where there is none.
import { parseAccuracyMatrix } from "../protocol/matrix-file.js";
import { type AccuracyMatrix, computeMetrics, isComplete, type Metrics } from "../protocol/metrics.js";
import { type RunPhases, readEvents, type TrainingStep } from "./events.js";
import { parseWith, readJson } from "./parse.js";

const count = z.int().nonnegative();

const testedSchema = z.object({
  name: z.string(),
  classes: z.array(z.string()),
  template: z.string(),
  testImages: count,
  fingerprint: z.string(),
});

const runInfoSchema = z.object({
  formatVersion: z.literal(1),
  name: z.string(),
  method: z.string(),
  protocol: z.enum(["x-tail", "mtil"]),
  seed: z.int(),
  config: z.record(z.string(), z.unknown()),
  versions: z.object({ codyra: z.string(), libtorch: z.string(), node: z.string() }),
  gitRevision: z.string().nullable(),
  datasets: z.array(testedSchema.extend({ trainImages: count })),
  holdOuts: z.array(testedSchema).optional(),
  reference: z.object({ name: z.string(), images: count, texts: count, fingerprint: z.string() }).optional(),
  startedAt: z.string(),
  finishedAt: z.string().nullable(),
  durationSeconds: z.number().nonnegative(),
  peakResidentBytes: count,
  trainableParameters: count,
  totalParameters: count,
});

const ranksSchema = z
  .object({
    rank: z.int().positive(),
    modules: z.array(
      z.object({ name: z.string(), encoder: z.enum(["vision", "text"]), layer: count, target: z.string() }),
    ),
    tasks: z.array(z.object({ dataset: z.string(), active: z.array(count) })),
  })
  .superRefine(({ rank, modules, tasks }, context) => {
    tasks.forEach(({ active }, t) => {
      const path = ["tasks", t, "active"];
      if (active.length !== modules.length) {
        context.addIssue({
          code: "custom",
          path,
          message: `expected ${modules.length} counts, one per module, got ${active.length}`,
        });
      }
      const tooMany = active.find((n) => n > rank);
      if (tooMany !== undefined) {
        context.addIssue({
          code: "custom",
          path,
          message: `expected at most ${rank} active ranks, got ${tooMany}`,
        });
      }
    });
  });

/** What was run, with which configuration, data and versions: `run.json`. */
export type RunInfo = z.infer<typeof runInfoSchema>;
/** Number of ranks with a non-zero importance weight per adapted module after each task: `ranks.json`. */
export type RankHistory = z.infer<typeof ranksSchema>;

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
}

/**
 * Reads a run directory: `run.json`, and as far as the run has come `matrix.json`, `events.jsonl` and `ranks.json`.
 * @throws if the directory holds no run or a file is damaged, naming the file, the field and what was expected
 */
export function readRun(directory: string): Run {
  const infoPath = join(directory, "run.json");
  if (!existsSync(infoPath)) {
    throw new Error(
      `${directory}: expected a run directory, but it has no run.json. Give a folder made by codyra run.`,
    );
  }
  const info = parseWith(runInfoSchema, readJson(infoPath), infoPath);
  const accuracy = readAccuracy(join(directory, "matrix.json"), info);
  const ranksPath = join(directory, "ranks.json");
  return {
    directory,
    info,
    accuracy,
    metrics: isComplete(accuracy) ? computeMetrics(accuracy) : undefined,
    ...readEvents(join(directory, "events.jsonl")),
    ranks: existsSync(ranksPath) ? parseWith(ranksSchema, readJson(ranksPath), ranksPath) : undefined,
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
  if (existsSync(join(path, "run.json"))) return [path];
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

function readAccuracy(path: string, info: RunInfo): AccuracyMatrix {
  const datasets = info.datasets.map(({ name }) => name);
  if (!existsSync(path)) return { datasets, matrix: [] };
  const accuracy = parseAccuracyMatrix(readJson(path), { source: path, unit: "fraction" });
  const holdOuts = info.holdOuts?.map(({ name }) => name);
  checkNames(path, "datasets", datasets, accuracy.datasets);
  checkNames(path, "hold-outs", holdOuts ?? [], accuracy.holdOuts?.datasets ?? []);
  return accuracy;
}

function checkNames(path: string, kind: string, expected: string[], found: string[]): void {
  if (isDeepStrictEqual(found, expected)) return;
  throw new Error(
    `${path}: expected the ${kind} of run.json (${expected.join(", ") || "none"}), got ${found.join(", ") || "none"}. ` +
      "The files come from different runs: restore them, or run again.",
  );
}
