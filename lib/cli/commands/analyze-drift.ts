import type { Command } from "commander";
import type { ClipModel } from "../../clip/index.js";
import type { ModelDrift } from "../../lora/index.js";
import type { RunDirectory } from "../../protocol/index.js";
import type { Table } from "../../report/index.js";
import type { BaseModelFlags } from "../input/model-options.js";
import { baseModelFlags, modelAnalysis, type OutputFlags, writeAnalysis } from "../output/analyze-output.js";

/** How far one task moved the model; absent where the model before or after it is gone. */
interface TaskDrift {
  dataset: string;
  step: ModelDrift | null;
  fromPretrained: ModelDrift | null;
}

/** `codyra analyze drift`: how far a run's model moves from task to task. */
export function analyzeDriftCommand(): Command {
  return modelAnalysis("drift")
    .description("Measure how far every task moves the model, and how far it is from the pre-trained one.")
    .addHelpText(
      "after",
      `
ΔW        ‖θ_t − θ_(t−1)‖  over all parameters but the logit scale, in Frobenius norms: (Σ_W ‖W_t − W_(t−1)‖_F²)^½
distance  ‖θ_t − θ_0‖      from the pre-trained model; relative: over ‖θ_0‖

For a low-rank update, ΔW = B diag(w) A as in arXiv:2412.01004, eq. 1 and 2. Methods without adapters keep the model after the last task
only.

Example:
  $ codyra analyze drift --run runs/shop --to drift.json`,
    )
    .action(analyzeDrift);
}

async function analyzeDrift({
  run,
  ...output
}: OutputFlags & BaseModelFlags & { run: string }): Promise<void> {
  const { openBaseModel, openFinishedRun } = await import("../../experiment/index.js");
  const { directory, finished } = openFinishedRun(run);
  const models = [0, 1, 2].map(() => openBaseModel(directory, baseModelFlags(output))) as [
    ClipModel,
    ClipModel,
    ClipModel,
  ];
  const names = directory.readRecord().datasets.map(({ name }) => name);
  try {
    const tasks = await follow(directory, names.slice(0, finished), models);
    await writeAnalysis(output, { run, tasks }, [driftTable(tasks)]);
  } finally {
    for (const model of models) model.dispose();
  }
}

/** @param models three copies of the pre-trained one, of which two are changed */
async function follow(
  directory: RunDirectory,
  names: readonly string[],
  [pretrained, before, after]: [ClipModel, ClipModel, ClipModel],
): Promise<TaskDrift[]> {
  const { applyUpdates, modelDrift } = await import("../../lora/index.js");
  const { loadStateDict } = await import("../../clip/index.js");
  const { scope } = await import("../../torch/index.js");
  let isBeforeKnown = true;
  return names.map((dataset, task) =>
    scope(() => {
      const isAfterKnown = directory.hasUpdates(task) ? isBeforeKnown : directory.hasCheckpoint(task);
      if (!isAfterKnown) {
        isBeforeKnown = false;
        return { dataset, step: null, fromPretrained: null };
      }
      if (directory.hasUpdates(task)) applyUpdates(after, directory.readUpdates(task));
      else directory.loadCheckpoint(task, after);
      const step = isBeforeKnown ? modelDrift(after, before) : null;
      loadStateDict(before, after.stateDict(), "analyze drift");
      isBeforeKnown = true;
      return { dataset, step, fromPretrained: modelDrift(after, pretrained) };
    }),
  );
}

function driftTable(tasks: readonly TaskDrift[]): Table {
  const columns: [string, (task: TaskDrift) => number | null | undefined][] = [
    ["ΔW", ({ step }) => step?.total.distance],
    ["vision", ({ step }) => step?.vision.distance],
    ["text", ({ step }) => step?.text.distance],
    ["distance", ({ fromPretrained }) => fromPretrained?.total.distance],
    [
      "relative",
      ({ fromPretrained }) => fromPretrained && fromPretrained.total.distance / fromPretrained.total.norm,
    ],
  ];
  return {
    title: "Drift of the model, in Frobenius norms",
    caption: "How far each task moved the weights, and how far they are from the pre-trained ones.",
    rowHeader: "After task",
    columns: columns.map(([name]) => name),
    rows: tasks.map((task) => ({
      label: task.dataset,
      values: columns.map(([, of]) => of(task) ?? undefined),
    })),
    best: "none",
    format: (value, column) =>
      columns[column]?.[0] === "relative" ? `${(100 * value).toPrecision(3)} %` : value.toPrecision(4),
  };
}
