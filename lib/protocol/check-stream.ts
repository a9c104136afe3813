import { duplicateWarnings, singleClassWarnings } from "./label-spaces.js";
import type { RunOptions } from "./run-options.js";
import { contentsOf, learnedHoldOutWarnings, trainedTestImagesWarnings } from "./seen-images.js";

/** @throws if there is no task, or two datasets have one name */
export function checkStream({ tasks, holdOuts = [], protocol, observer }: RunOptions): void {
  if (tasks.length === 0)
    throw new Error("run: expected at least one task, got none. Name the datasets in the configuration.");
  const names = [...tasks, ...holdOuts].map(({ name }) => name);
  const repeated = names.find((name, i) => names.indexOf(name) < i);
  if (repeated !== undefined) {
    throw new Error(
      `run: expected tasks and hold-outs with distinct names, got '${repeated}' twice. A hold-out is never trained on: ` +
        "take it out of the stream, or rename one of them.",
    );
  }
  const learned = tasks.map(({ name, train, test }) => ({ name, images: [train, test].flatMap(contentsOf) }));
  const heldOut = holdOuts.map(({ name, test }) => ({ name, images: contentsOf(test) }));
  const warnings = [
    ...duplicateWarnings(protocol, tasks),
    ...singleClassWarnings(protocol, tasks, holdOuts),
    ...learnedHoldOutWarnings(learned, heldOut),
    ...trainedTestImagesWarnings(tasks),
  ];
  for (const warning of warnings) observer?.warn?.(warning);
}
