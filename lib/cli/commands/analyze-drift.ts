import type { Command } from "commander";
import type { TaskDrift } from "../../experiment/index.js";
import type { Table } from "../../report/index.js";
import type { BaseModelFlags } from "../input/model-options.js";
import { baseModelFlags, modelAnalysis, type OutputFlags, writeAnalysis } from "../output/analyze-output.js";
import { Progress } from "../output/progress.js";

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
  const { measureDrift } = await import("../../experiment/index.js");
  const tasks = measureDrift(run, { model: baseModelFlags(output), observer: new Progress() });
  await writeAnalysis(output, { run, tasks }, [driftTable(tasks)]);
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
