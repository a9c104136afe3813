import { type DualEncoder, modelFingerprint } from "../clip/index.js";
import { UsageError } from "../options/index.js";
import { RunDirectory } from "../protocol/index.js";
import { type ModelSettings, modelSettings } from "./models.js";
import { openModel } from "./open-model.js";

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

/** The model that the run started from. @param given flags that say where it is now */
export function baseModel(directory: RunDirectory, given: Partial<ModelSettings> = {}): ModelSettings {
  const { config } = directory.readRecord();
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  return modelSettings({ ...config, ...Object.fromEntries(named) });
}

/**
 * Opens the model that the run started from, on the CPU.
 * @param given flags that say where it is now
 * @throws if it is gone, or its weights are not those that the run started from
 */
export function openBaseModel(directory: RunDirectory, given: Partial<ModelSettings> = {}): DualEncoder {
  const settings = baseModel(directory, given);
  const isRecorded = given.model === undefined;
  const model = openRecorded(settings, isRecorded, directory.path);
  const { modelFingerprint: recorded } = directory.readRecord();
  if (recorded === undefined || modelFingerprint(model, { precision: false }) === recorded) return model;
  model.dispose();
  throw new Error(
    `${settings.model}: its weights are not those that ${directory.path} started from. ` +
      "Name the model that the run started from with --model.",
  );
}

function openRecorded(settings: ModelSettings, isRecorded: boolean, run: string): DualEncoder {
  try {
    return openModel(settings, "cpu");
  } catch (cause) {
    if (!isRecorded) throw cause;
    throw new Error(
      `${(cause as Error).message}\n${run} started from this model. If it has moved, say where it is with --model.`,
      { cause },
    );
  }
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
