import { applyUpdates, type LoraModule, measureUpdates } from "../../lora/index.js";
import type { RunDirectory } from "../../protocol/index.js";
import { type Changes, type RankHistory, readChanges, readRanks } from "../../records/index.js";
import * as torch from "../../torch/index.js";
import { openBaseModel, openFinishedRun, taskPosition } from "../finished-run.js";
import { workObserver } from "../observer.js";
import type { RunAnalysisOptions } from "./run-analysis.js";

export interface RecordedChangesOptions extends RunAnalysisOptions {
  /** Name of the dataset, or its position from 0. Default: the last finished one. */
  readonly task?: string;
}

/**
 * Sizes of a task's updates. A run that has not recorded them computes them from its adapters, for all tasks,
 * and records them.
 * @param run directory of a run
 * @throws if no such task is finished, or the run has no low-rank adapters
 */
export function recordedChanges(run: string, { task, ...options }: RecordedChangesOptions = {}): Changes {
  const { directory, finished } = openFinishedRun(run);
  const position = task === undefined ? finished - 1 : taskPosition(task, directory, finished);
  const recorded = readChanges(run, position);
  if (recorded !== undefined) return recorded;
  const ranks = readRanks(run);
  if (ranks === undefined)
    throw new Error(`${run}: expected low-rank adapters, got none. Give a run of codyra or lora.`);
  recordAll(directory, ranks, finished, options);
  return readChanges(run, position) as Changes;
}

function recordAll(
  directory: RunDirectory,
  { rank, modules, tasks }: RankHistory,
  finished: number,
  options: RunAnalysisOptions,
): void {
  const progress = workObserver(options.observer);
  const model = openBaseModel(directory, options.model);
  try {
    progress.start("measuring updates");
    for (const [t, { dataset }] of tasks.slice(0, finished).entries()) {
      torch.scope(() => {
        const updates = directory.readUpdates(t);
        const changes = measureUpdates(model, updates, modules as LoraModule[]);
        directory.recordChanges(t, { dataset, rank, modules: changes });
        applyUpdates(model, updates);
      });
      progress.update(t + 1, finished, dataset);
    }
    progress.finish();
  } finally {
    model.dispose();
  }
}
