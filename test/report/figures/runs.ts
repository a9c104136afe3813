import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Run, readRun } from "../../../lib/report/index.js";
import { writeJson, writeRun } from "../fixtures.js";

const targets = ["q", "k", "v", "o", "fc", "proj"];

export const codyraOptions = {
  iterations: 500,
  learningRate: 5e-4,
  warmup: 0,
  rank: 16,
  encoders: "both",
  targets,
  importance: "normal",
  denseRatio: 0.5,
  kappaMax: 0.005,
  levels: 50,
  schedule: "even",
  sparseFrom: "at",
};

export const loraOptions = { rank: 16, encoders: "both", targets };

interface WrittenRun {
  method?: "codyra" | "lora";
  seed?: number;
  options?: Record<string, unknown>;
  datasets: string[];
  holdOuts?: string[];
}

/** A finished run with invented numbers. */
export function figureRun(folder: string, name: string, written: WrittenRun): Run {
  const { method = "codyra", seed = 1, options, ...rest } = written;
  const config = {
    model: "clip",
    shots: 16,
    options: options ?? (method === "lora" ? loraOptions : codyraOptions),
  };
  return readRun(writeRun(join(folder, name), { method, seed, name, ...rest, info: { config } }));
}

/**
 * Writes a task's changes of two matrices. `projectedNorms` makes the amplification of the first one 2, and
 * of the second 0.
 */
export function writeChanges(run: Run, task: number): void {
  const module = (encoder: string, deltaNorm: number, projectedNorms: number[]) => ({
    name: `${encoder}.q`,
    encoder,
    layer: 0,
    target: "q",
    deltaNorm,
    weightNorm: 9,
    projectedNorms,
  });
  const modules = [module("vision", 6, [1, 2, 3]), module("text", 0, [])];
  mkdirSync(join(run.directory, "changes"), { recursive: true });
  writeJson(run.directory, `changes/task-${task}.json`, {
    dataset: run.info.datasets[task]?.name,
    rank: 16,
    modules,
  });
}

/** Writes the result of `codyra analyze remove`. */
export function writeRemovals(run: Run): void {
  const at = (adaptation: number, retention: number) => ({ adaptation, retention, datasets: {} });
  mkdirSync(join(run.directory, "analysis"), { recursive: true });
  writeJson(run.directory, "analysis/remove.json", {
    run: run.directory,
    task: 0,
    dataset: run.info.datasets[0]?.name,
    retentionDatasets: ["imagenet1k"],
    before: at(0.25, 0.68),
    complete: at(0.5, 0.6),
    removals: [
      { removed: "vision.v", matrices: 12, ...at(0.48, 0.66) },
      { removed: "text.q", matrices: 12, ...at(0.51, 0.6) },
    ],
  });
}
