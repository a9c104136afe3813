import { copyModel, loadStateDict } from "../../clip/index.js";
import { applyUpdates, type ModelDrift, modelDrift } from "../../lora/index.js";
import * as torch from "../../torch/index.js";
import { openBaseModel, openFinishedRun } from "../finished-run.js";
import { workObserver } from "../observer.js";
import type { RunAnalysisOptions } from "./run-analysis.js";

/** How far one task moved the model; `null` where the model before or after it is gone. */
export interface TaskDrift {
  readonly dataset: string;
  /** From the model before the task. */
  readonly step: ModelDrift | null;
  readonly fromPretrained: ModelDrift | null;
}

/**
 * How far every finished task of a run moved the model, `‖θ_t − θ_(t−1)‖`, and how far it is from the
 * pre-trained one, `‖θ_t − θ_0‖`. Methods without adapters keep the model after the last task only.
 * @param run directory of a run
 * @throws if no task is finished, or the model that the run started from is gone
 */
export function measureDrift(run: string, options: RunAnalysisOptions = {}): TaskDrift[] {
  const { directory, finished } = openFinishedRun(run);
  const progress = workObserver(options.observer);
  const pretrained = openBaseModel(directory, options.model);
  const [before, after] = [copyModel(pretrained), copyModel(pretrained)];
  let isBeforeKnown = true;

  const measure = (task: number): Omit<TaskDrift, "dataset"> => {
    const hasUpdates = directory.hasUpdates(task);
    const isAfterKnown = hasUpdates ? isBeforeKnown : directory.hasCheckpoint(task);
    if (!isAfterKnown) {
      isBeforeKnown = false;
      return { step: null, fromPretrained: null };
    }
    if (hasUpdates) applyUpdates(after, directory.readUpdates(task));
    else directory.loadCheckpoint(task, after);
    const step = isBeforeKnown ? modelDrift(after, before) : null;
    loadStateDict(before, after.stateDict(), "measureDrift");
    isBeforeKnown = true;
    return { step, fromPretrained: modelDrift(after, pretrained) };
  };

  try {
    progress.start("measuring drift");
    const datasets = directory.readRecord().datasets.slice(0, finished);
    const tasks = datasets.map(({ name }, task) => {
      const moved = torch.scope(() => measure(task));
      progress.update(task + 1, finished, name);
      return { dataset: name, ...moved };
    });
    progress.finish();
    return tasks;
  } finally {
    for (const model of [pretrained, before, after]) model.dispose();
  }
}
