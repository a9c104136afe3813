import { promptKey } from "../data/index.js";
import type { LabelGroup, MethodState } from "../methods/index.js";
import { describeStatistics } from "../protocol/index.js";
import type { ExperimentOptions } from "./run.js";

/**
 * Lines on classes that were learned before the run, whose statistics came with its model. They say whether
 * the run replays and measures them.
 */
export function inheritedNotes(
  { method, model, holdOuts = [] }: Pick<ExperimentOptions, "method" | "model" | "holdOuts">,
  tasks: readonly LabelGroup[],
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
  const measured = new Set([...tasks, ...holdOuts].map(({ name }) => name));
  const unmeasured = names.filter((name) => !measured.has(name));
  return [
    `${found}, and ${method.name} replays them.`,
    ...learnedAgain(tasks, inherited),
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

/** A text that stands twice among competing classes is wrong for the images of either. */
function learnedAgain(tasks: readonly LabelGroup[], { data }: MethodState): string[] {
  const earlier = new Set((data.groups as LabelGroup[]).flatMap(({ classes }) => classes.map(promptKey)));
  const names = tasks.flatMap(({ classes }) => classes.filter((name) => earlier.has(promptKey(name))));
  if (names.length === 0) return [];
  return [
    `Learned before by the same names: ${names.map((name) => name.trim()).join(", ")}. The statistics of both are kept and replayed, and names that are equal ` +
      "cannot be told apart where all classes compete. Rename these classes, or start from an export that has not learned them.",
  ];
}
