import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { printedTables, type Run, readRun } from "../../../lib/report/index.js";
import { type RunOptions, writeRun } from "../fixtures.js";

export const xTail = printedTables()["x-tail"].datasets;

/** The options of codyra in configs/paper/x-tail.yaml. */
const paperOptions = {
  iterations: 500,
  batchSize: 64,
  learningRate: 5e-4,
  rank: 16,
  denseRatio: 0.5,
  kappaMax: 0.005,
};

export interface PaperRun extends RunOptions {
  protocol?: "x-tail" | "mtil";
  shots?: number | null;
  options?: Record<string, unknown>;
  model?: string;
}

/** Run directories over the paper's X-TAIL, unless said otherwise, with the options of its configuration. */
export function paperRuns(descriptions: readonly PaperRun[]): { folder: string; runs: Run[] } {
  const folder = mkdtempSync(join(tmpdir(), "codyra-tables-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const runs = descriptions.map(
    ({ protocol = "x-tail", shots = 16, options, model = "clip-vit-base-patch16", ...description }, i) => {
      const own = description.method === "codyra" ? { ...paperOptions, ...options } : { ...options };
      const info = { protocol, config: { model, shots, options: own } };
      return readRun(writeRun(join(folder, String(i)), { datasets: xTail, info, ...description }));
    },
  );
  return { folder, runs };
}
