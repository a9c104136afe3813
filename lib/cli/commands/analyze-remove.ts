import type { Command } from "commander";
import type { RemovalAnalysis, Table } from "../../report/index.js";
import type { BaseModelFlags } from "../input/model-options.js";
import { baseModelFlags, modelAnalysis, type OutputFlags, writeAnalysis } from "../output/analyze-output.js";
import { Progress } from "../output/progress.js";

interface RemoveFlags extends OutputFlags, BaseModelFlags {
  run: string;
  task: string;
  modules?: string[];
}

/** `codyra analyze remove`: what the adapters of some modules are good for. */
export function analyzeRemoveCommand(): Command {
  return modelAnalysis("remove")
    .description(
      "Remove the adapters of some modules from a task, and measure adaptation and retention again.",
    )
    .option("--task <task>", "dataset, or its position from 0", "0")
    .option(
      "--modules <group...>",
      "modules to remove, one after the other: vision.v, text, fc, or several at once, vision.fc+vision.proj (default: every module of each encoder)",
    )
    .addHelpText(
      "after",
      `
The model is that before the task, plus ΔW = B diag(w) A of the matrices that are left, in all layers. Nothing is trained again
(arXiv:2412.01004, section 3.2).

Adaptation  accuracy on the dataset of the task, in the protocol of the run
Retention   mean accuracy on the datasets that were not learned by then: hold-outs, and later ones of the stream

The datasets are read again, from where the run read them. codyra figures looks for the result in analysis/remove.json of the run.

Example:
  $ codyra analyze remove --run runs/aircraft --to runs/aircraft/analysis/remove.json
  $ codyra analyze remove --run runs/aircraft --modules vision.fc+vision.proj vision.v`,
    )
    .action(analyzeRemove);
}

async function analyzeRemove({ run, task, modules, ...output }: RemoveFlags): Promise<void> {
  const { measureRemovals } = await import("../../experiment/index.js");
  const model = baseModelFlags(output);
  const result = await measureRemovals(run, { task, modules, model, observer: new Progress() });
  await writeAnalysis(output, result, [removalTable(result)]);
}

function removalTable({ dataset, before, complete, removals }: RemovalAnalysis): Table {
  const values = ({ adaptation, retention }: RemovalAnalysis["before"]) => [
    adaptation,
    adaptation - complete.adaptation,
    retention,
    retention - complete.retention,
  ];
  return {
    title: `Modules removed from ${dataset} (%)`,
    caption: "Accuracy on the learned dataset, and on those that were not learned.",
    rowHeader: "Removed",
    columns: ["Adaptation", "change", "Retention", "change"],
    rows: [
      { label: "nothing", values: values(complete) },
      ...removals.map((removal) => ({ label: removal.removed, values: values(removal) })),
      { label: "everything", values: values(before) },
    ],
    best: "none",
  };
}
