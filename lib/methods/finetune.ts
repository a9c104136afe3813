/*
 * Sequential full fine-tuning, "Continual-FT" in arXiv:2303.06628; original code: Thunderbeee/ZSCL (`mtil/scripts/finetune.sh`).
 *
 *     loss = CE_ε(s z uᵀ, y)
 *
 * over the task's own classes, with label smoothing ε; every weight but the logit scale s learns each task in turn. What forgetting looks like when
 * nothing is done about it.
 */

import { z } from "zod";
import { fullFineTuning, fullFineTuningShape, withWarmup } from "./shared/full-fine-tuning.js";
import type { MethodDefinition } from "./shared/options.js";

const schema = z.strictObject(fullFineTuningShape);

export const finetune: MethodDefinition = {
  name: "finetune",
  summary: "sequential full fine-tuning of all weights",
  create: (given) => fullFineTuning({ name: "finetune", options: schema.parse(withWarmup(given)) }),
};
