import { UsageError } from "../options/index.js";
import { RunDirectory } from "../protocol/index.js";
import { type ModelSettings, modelSettings } from "./models.js";

/**
 * The run in a directory, of which at least one task is finished.
 * @throws if there is none
 */
export function openFinishedRun(path: string): { directory: RunDirectory; finished: number } {
  const directory = new RunDirectory(path);
  if (!directory.exists()) {
    throw new Error(
      `${path}: expected a run directory, but it has no run.json. Give a folder made by codyra run.`,
    );
  }
  const finished = directory.readMatrix()?.matrix.length ?? 0;
  if (finished === 0) throw new Error(`${path}: no task is finished yet. Resume the run first.`);
  return { directory, finished };
}

/** The model that the run started from. */
export function baseModel(directory: RunDirectory): ModelSettings {
  return modelSettings(directory.readRecord().config);
}

/**
 * Position of a task in the stream.
 * @param task name of its dataset, or the position itself
 * @throws UsageError if no finished task is that
 */
export function taskPosition(task: string, directory: RunDirectory, finished: number): number {
  const names = directory
    .readRecord()
    .datasets.slice(0, finished)
    .map(({ name }) => name);
  const position = names.findIndex((name, i) => name === task || String(i) === task);
  if (position < 0) {
    const choices = names.map((name, i) => `${name} (${i})`).join(", ");
    throw new UsageError(`There is no finished task '${task}': expected one of ${choices}.`);
  }
  return position;
}
