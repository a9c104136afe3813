import { z } from "zod";
import { fullFineTuning, fullFineTuningShape, withWarmup } from "./shared/full-fine-tuning.js";
import type { MethodDefinition } from "./shared/options.js";

const schema = z.strictObject(fullFineTuningShape);

/**
 * Sequential full fine-tuning: every weight but the logit scale learns each task in turn ("Continual-FT" in arXiv:2303.06628).
 * What forgetting looks like when nothing is done about it.
 */
export const finetune: MethodDefinition = {
  name: "finetune",
  summary: "sequential full fine-tuning of all weights",
  create: (given) => fullFineTuning({ name: "finetune", options: schema.parse(withWarmup(given)) }),
};
