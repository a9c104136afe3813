import { classPrompts, type DualEncoder, encodePrompts, type Prompts } from "../../clip/index.js";
import type { LabelGroup } from "./types.js";

/** The prompts of all classes, each in the first template of its group. */
export function trainingPrompts({ tokenizer, device }: DualEncoder, groups: readonly LabelGroup[]): Prompts {
  const prompts = groups.flatMap(({ classes, templates }) => classPrompts(classes, templates[0]));
  return encodePrompts(tokenizer, prompts, { device });
}
