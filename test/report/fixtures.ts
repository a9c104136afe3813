import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GuardRecord, Measure } from "../../lib/records/index.js";
import type { RunInfo } from "../../lib/report/index.js";

export const DATASETS = ["digits", "textures", "flags", "satellite", "flowers", "vehicles"];
const ZERO_SHOT = [0.41, 0.36, 0.55, 0.28, 0.62, 0.47];

export interface RunOptions {
  method: string;
  seed?: number;
  name?: string;
  datasets?: string[];
  holdOuts?: string[];
  /** Accuracy lost per later task on learned datasets, and on datasets not learned yet. */
  forgets?: number;
  drifts?: number;
  /** Finished tasks. */
  tasks?: number;
  info?: Partial<RunInfo>;
}

/** Writes the run directory that the protocol layer would write, with plausible invented numbers. */
export function writeRun(directory: string, options: RunOptions): string {
  const {
    method,
    seed = 0,
    datasets = DATASETS,
    holdOuts = [],
    forgets = 0.01,
    drifts = 0.005,
    tasks = datasets.length,
  } = options;
  const trains = method !== "zero-shot";
  const random = mulberry32(seed + method.length);
  const zeroShot = datasets.map((_, j) => ZERO_SHOT[j % ZERO_SHOT.length] as number);
  const accuracy = (t: number, j: number) => {
    const start = zeroShot[j] as number;
    if (!trains) return start;
    const noise = 0.01 * (random() - 0.5);
    const value =
      t < j ? start - drifts * (t + 1) + noise : start + 0.75 * (1 - start) - forgets * (t - j) + noise;
    return Math.round(1000 * Math.max(0.02, value)) / 1000;
  };
  const matrix = Array.from({ length: tasks }, (_, t) => datasets.map((_, j) => accuracy(t, j)));
  const heldOut = (t: number) =>
    holdOuts.map((_, j) => Math.round(1000 * (0.5 + 0.1 * j - drifts * (t + 1))) / 1000);
  mkdirSync(directory, { recursive: true });
  writeJson(directory, "run.json", runInfo({ ...options, seed, datasets, holdOuts, tasks }));
  const ofHoldOuts = {
    datasets: holdOuts,
    matrix: matrix.map((_, t) => heldOut(t)),
    zeroShot: heldOut(-1),
  };
  writeJson(directory, "matrix.json", {
    datasets,
    matrix,
    zeroShot,
    ...(holdOuts.length > 0 && { holdOuts: ofHoldOuts }),
  });
  if (trains) writeFileSync(join(directory, "events.jsonl"), events(datasets, tasks, random));
  if (/lora|codyra/.test(method))
    writeJson(directory, "ranks.json", ranks(datasets.slice(0, tasks), method, random));
  return directory;
}

/** `run.json` of a run with these datasets. */
function runInfo({
  method,
  seed,
  name,
  datasets,
  holdOuts,
  tasks,
  info,
}: RunOptions & Required<Pick<RunOptions, "seed" | "datasets" | "holdOuts" | "tasks">>): RunInfo {
  const trains = method !== "zero-shot";
  return {
    formatVersion: 1,
    name: name ?? `${method}-${seed}`,
    method,
    protocol: "x-tail",
    seed,
    config: {
      learningRate: 5e-4,
      lora: trains ? { rank: 16, targets: ["q", "k", "v", "o", "fc", "proj"] } : null,
    },
    versions: { codyra: "0.1.0", libtorch: "2.13.0", node: "20.17.0" },
    gitRevision: "0123abc",
    datasets: datasets.map((name, j) => ({
      name,
      classes: Array.from({ length: 8 + j }, (_, c) => `${name} ${c}`),
      template: "a photo of a {}.",
      trainImages: 16 * (8 + j),
      testImages: 400,
      fingerprint: `sha256:${(j + 10).toString(16).repeat(8)}`,
    })),
    ...(holdOuts.length > 0 && {
      holdOuts: holdOuts.map((name) => ({
        name,
        classes: ["one", "two"],
        template: "a photo of a {}.",
        testImages: 200,
        fingerprint: `sha256:${name}`,
      })),
    }),
    startedAt: "2025-01-02T03:04:05.000Z",
    finishedAt: tasks === datasets.length ? "2025-01-02T03:05:10.000Z" : null,
    durationSeconds: 65.2,
    peakResidentBytes: 812_646_400,
    trainableParameters: trains ? 98_304 : 0,
    totalParameters: 2_841_601,
    ...info,
  };
}

export function writeJson(directory: string, file: string, value: unknown): void {
  writeFileSync(join(directory, file), JSON.stringify(value));
}

function events(datasets: string[], tasks: number, random: () => number): string {
  const lines = datasets.slice(0, tasks).flatMap((dataset, task) => [
    { kind: "task-start", task, dataset },
    ...Array.from({ length: 40 }, (_, i) => {
      const loss = 0.3 + 1.8 * Math.exp(-i / 12) + 0.2 * random();
      return {
        kind: "step",
        task,
        dataset,
        step: 5 * i,
        loss,
        learningRate: 5e-4,
        kappa: 0.001,
        imagesPerSecond: 880,
      };
    }),
    { kind: "evaluation", task, accuracy: {}, seconds: 1.2 },
  ]);
  return lines.map((line) => `${JSON.stringify({ time: "2025-01-02T03:04:06.000Z", ...line })}\n`).join("");
}

function ranks(datasets: string[], method: string, random: () => number) {
  const modules = (["vision", "text"] as const).flatMap((encoder) =>
    ["q", "k", "v", "o", "fc", "proj"].flatMap((target) =>
      Array.from({ length: 6 }, (_, layer) => ({
        name: `${encoder}_model.encoder.layers.${layer}.${target}`,
        encoder,
        layer,
        target,
      })),
    ),
  );
  const active = () =>
    modules.map(({ layer }) => (method === "lora" ? 16 : Math.floor(16 * random() ** (2 - layer / 4))));
  return { rank: 16, modules, tasks: datasets.map((dataset) => ({ dataset, active: active() })) };
}

/** A small seeded generator, so that fixtures are the same in every test run. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A guard's measurements after a task, with invented numbers; `cosine` is below its limit of 0.9. */
export function guardRecord(dataset: string, cosine: number): GuardRecord {
  const isBroken = cosine < 0.9;
  const measures: Measure[] = [
    { kind: "accuracy", name: "flowers", before: 0.5, after: 0.48, limit: 0.05, isBroken: false },
    { kind: "image-to-text", name: "recall@1", before: 0.4, after: 0.375, isBroken: false },
    { kind: "text-to-image", name: "recall@1", before: 0.3, after: 0.325, isBroken: false },
    { kind: "neighbours", name: "kept at 10", before: 1, after: cosine - 0.1, isBroken: false },
    { kind: "cosine", name: "index vectors", before: 1, after: cosine, limit: 0.1, isBroken },
    { kind: "size", name: "weights", before: 4e6, after: 4e6, isBroken: false },
  ];
  const kept = [cosine - 0.2, cosine - 0.1];
  const drift = {
    ks: [1, 10],
    cosine: { index: cosine, queries: cosine },
    rebuilt: kept,
    newOnOld: kept,
    oldOnNew: kept,
    mapped: { orthogonal: [0.9, 0.95], leastSquares: [0.8, 0.85] },
    fittedOn: 100,
  };
  return { dataset, measures, drift, advice: `Advice after ${dataset}.`, isBroken };
}
