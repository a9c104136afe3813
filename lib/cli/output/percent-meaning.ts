import type { DualEncoder } from "../../clip/index.js";
import type { ServedHead } from "../../protocol/index.js";

/** Explains the column `%` if it is not the share of a label among all labels given. */
export function percentMeaning(model: DualEncoder, head: ServedHead | undefined): string | undefined {
  if (head?.hasMixedScores) {
    return (
      `%: ${head.method.name} mixes CLIP's probabilities with the scores of a regression. ` +
      "They rank the labels, need not add up to 100, and may lie outside of 0 to 100."
    );
  }
  if (model.config.family !== "siglip") return undefined;
  return "%: a SigLIP judges each label by itself, so they need not add up to 100, and all may be low.";
}
