import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { onTestFinished } from "vitest";
import { createMethod } from "../../lib/methods/index.js";
import { type AccuracyMatrix, type RunOptions, run } from "../../lib/protocol/index.js";
import { tinyClip } from "../lora/models.js";
import { colourTasks } from "../methods/tasks.js";

export const tinyOptions = {
  iterations: 4,
  batchSize: 9,
  logEvery: 2,
  learningRate: 0.01,
  rank: 2,
  kappaMax: 0.2,
};

/** CoDyRA on a tiny CLIP and two tiny tasks: a run that takes a fraction of a second. */
export async function tinyRun(
  directory: string,
  { options = tinyOptions, ...overrides }: Partial<RunOptions> & { options?: Record<string, unknown> } = {},
): Promise<AccuracyMatrix> {
  const {
    protocol = "x-tail",
    method = createMethod("codyra", options, protocol),
    model = tinyClip(),
    tasks = colourTasks(),
  } = overrides;
  return run({ name: "tiny", seed: 8, directory, ...overrides, protocol, method, model, tasks });
}

/** A directory that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "codyra-run-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into files of several shapes
export function readJson(...path: string[]): any {
  return JSON.parse(readFileSync(join(...path), "utf8"));
}

/** The lines of `events.jsonl`, without what differs from run to run. */
export function readEvents(directory: string): Record<string, unknown>[] {
  const path = join(directory, "events.jsonl");
  if (!existsSync(path)) return [];
  // Whole lines: a run that writes, or was killed, leaves the last one short.
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => {
    const { time, seconds, imagesPerSecond, peakResidentBytes, ...event } = JSON.parse(line);
    return event;
  });
}

/** All files below a folder: path and content. */
export function readFiles(folder: string): [path: string, content: string][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort()
    .map((path) => [relative(folder, path), readFileSync(path, "base64")]);
}

/** Everything in a run directory that must not depend on interruptions, nor on a commit while tests run. */
export function outcome(directory: string) {
  const { durationSeconds, peakResidentBytes, memory, startedAt, finishedAt, gitRevision, ...record } =
    readJson(directory, "run.json");
  return {
    record: { ...record, isFinished: finishedAt !== null },
    events: readEvents(directory),
    matrix: readFileSync(join(directory, "matrix.json"), "utf8"),
    others: readFiles(directory).filter(
      ([path]) => !["run.json", "events.jsonl", "matrix.json"].includes(path),
    ),
  };
}
