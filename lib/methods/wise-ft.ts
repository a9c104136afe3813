/*
 * WiSE-FT, "Robust fine-tuning of zero-shot models", arXiv:2109.01903, task by task as in arXiv:2303.06628;
 * original code: Thunderbeee/ZSCL (`mtil/scripts/WiSE_finetune.sh`).
 *
 *     θ_t = α θ_ft + (1 − α) θ_{t−1}
 *
 * after fine-tuning on the task from θ_{t−1} to θ_ft.
 */

import { z } from "zod";
import { code } from "../options/index.js";
import { fineTuningCost } from "./shared/cost.js";
import { defineMethod } from "./shared/definition.js";
import { fullFineTuning, fullFineTuningShape, withWarmup } from "./shared/full-fine-tuning.js";
import { WeightSnapshot } from "./shared/weights.js";

const schema = z.strictObject({
  ...fullFineTuningShape,
  alpha: z.number().min(0).max(1).default(0.8).meta(code("share of the fine-tuned weights")),
  partner: z
    .enum(["previous", "zero-shot"])
    .default("previous")
    .meta(code("the other weights: those before the task, or the pre-trained ones")),
});

export const wiseFt = defineMethod({
  name: "wise-ft",
  label: "WiSE-FT",
  summary: "fine-tuning, then interpolation with the weights before the task",
  schema,
  complete: withWarmup,
  create(options) {
    let pretrained: WeightSnapshot | undefined;
    return {
      ...fullFineTuning({
        name: "wise-ft",
        options,
        terms(_task, { model }) {
          const isOwn = options.partner === "previous";
          const partner = isOwn ? new WeightSnapshot(model) : pretrained;
          return {
            finish: () => partner?.interpolate(model, options.alpha),
            dispose() {
              if (isOwn) partner?.dispose();
            },
          };
        },
      }),
      beginRun({ model }) {
        if (options.partner === "zero-shot") pretrained = new WeightSnapshot(model);
      },
      dispose: () => pretrained?.dispose(),
    };
  },
  cost: (model) => fineTuningCost(model, 1 /* the weights before the task */),
});
