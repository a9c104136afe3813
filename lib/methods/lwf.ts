/*
 * Learning without Forgetting, arXiv:1606.09282, as it is applied to CLIP in arXiv:2303.06628; original code:
 * Thunderbeee/ZSCL (`mtil/scripts/lwf.sh`).
 *
 *     loss = CE(s z u(p)ᵀ, y) + w (D(L̄ → L) + D(L̄ᵀ → Lᵀ)),   L̄ = s z̄ ūᵀ,   L = s z ūᵀ
 *
 * with the unit features of images z and of prompts u, and those of the model before the task z̄ and ū. The
 * images of the second part are the task's own, in an order of their own; its texts are the task's class
 * prompts. D is `softCrossEntropy`, both its terms are `FeatureDistillation`.
 */

import { z } from "zod";
import { copyModel, type DualEncoder } from "../clip/index.js";
import type { Task } from "../data/index.js";
import type { Tensor } from "../torch/index.js";
import { fineTuningCost } from "./shared/cost.js";
import { defineMethod } from "./shared/definition.js";
import { type DistillationOptions, distillationShape, FeatureDistillation } from "./shared/distillation.js";
import { fullFineTuning, withWarmup } from "./shared/full-fine-tuning.js";
import { taskSeed } from "./shared/training.js";
import { trainingPrompts } from "./shared/training-prompts.js";
import type { ContinualMethod, RunContext } from "./shared/types.js";

const schema = z.strictObject(distillationShape);

export const lwf = defineMethod({
  name: "lwf",
  label: "LwF",
  summary: "fine-tuning that keeps the previous model's responses to the task's own images and prompts",
  schema,
  complete: withWarmup,
  create(options) {
    return withoutForgetting("lwf", options, (model, task) => trainingPrompts(model, [task]).ids);
  },
  cost: (model) => fineTuningCost(model, 1 /* the teacher */),
});

/**
 * Fine-tuning with distillation from the model before the task on the task's own images.
 * @param textsOf token ids `[M, L]`
 */
export function withoutForgetting(
  name: string,
  options: DistillationOptions,
  textsOf: (model: DualEncoder, task: Task, context: RunContext) => Tensor,
): ContinualMethod {
  return fullFineTuning({
    name,
    options,
    async terms(task, context) {
      const { model } = context;
      const teacher = copyModel(model);
      const distillation = await FeatureDistillation.prepare(
        {
          teacher,
          images: task.train,
          stretched: true,
          texts: textsOf(model, task, context),
          temperature: options.temperature,
          batchSize: options.batchSize,
          order: { seed: `reference ${taskSeed(context)}` }, // not the order of the supervised batches
          owned: [teacher],
        },
        context,
      );
      return distillation.terms(model, options.distillationWeight);
    },
  });
}
