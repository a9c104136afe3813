import type { MethodState } from "../methods/index.js";
import { describeStatistics } from "../protocol/index.js";
import type { ExperimentOptions } from "./run.js";

/**
 * Lines on classes that were learned before the run, whose statistics came with its model. They say whether
 * the run replays and measures them.
 */
export function inheritedNotes(
  { method, model, holdOuts = [] }: Pick<ExperimentOptions, "method" | "model" | "holdOuts">,
  tasks: readonly string[],
  inherited: MethodState | undefined,
): string[] {
  if (inherited === undefined) return [];
  const { datasets } = describeStatistics(inherited);
  const names = [...new Set(datasets.map(({ name }) => name))];
  const count = datasets.reduce((sum, { classes }) => sum + classes, 0);
  const found = `${model.model} has statistics of ${count} class${count === 1 ? "" : "es"} learned before (${names.join(", ")})`;
  if (!method.replaysStatistics) {
    return [
      `${found}. ${method.name} does not replay them, and exports of this run will have none. ` +
        "statra does; finetune, lora and codyra do with -o replay=true.",
    ];
  }
  const measured = new Set([...tasks, ...holdOuts.map(({ name }) => name)]);
  const unmeasured = names.filter((name) => !measured.has(name));
  return [
    `${found}, and ${method.name} replays them.`,
    ...(inherited.data.firstTexts === undefined || method.head?.takesAnyLabel
      ? []
      : ["The first text encoder among them is dropped: unlearnedTexts=first keeps it."]),
    ...(unmeasured.length === 0
      ? []
      : [
          `Accuracies on ${unmeasured.join(", ")} are not measured: name ${unmeasured.length === 1 ? "its" : "their"} test images under holdOuts.`,
        ]),
  ];
}
