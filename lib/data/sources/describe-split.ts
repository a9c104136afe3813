import type { Dataset } from "../types.js";

/** A message about a split that was drawn; nothing if the data has one. */
export function describeSplit(split: Dataset["split"]): string[] {
  if (split === "given") return [];
  const percent = Math.round(100 * split.trainFraction);
  return [`Training and test images are drawn: ${percent} % of each class for training, seed ${split.seed}.`];
}
