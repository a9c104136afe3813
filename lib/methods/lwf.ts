import { z } from "zod";
import { copyModel } from "../clip/index.js";
import { distillationShape, FeatureDistillation } from "./shared/distillation.js";
import { fullFineTuning, withWarmup } from "./shared/full-fine-tuning.js";
import type { MethodDefinition } from "./shared/options.js";
import { taskSeed, trainingPrompts } from "./shared/training.js";

const schema = z.strictObject(distillationShape);

/**
 * Learning without Forgetting, arXiv:1606.09282, as it is applied to CLIP in arXiv:2303.06628 (Thunderbeee/ZSCL, `mtil/scripts/lwf.sh`).
 *
 * Fine-tuning, plus the distillation terms of `FeatureDistillation` from the model before the task, on the task's own images in an
 * order of their own and on its own class prompts.
 */
export const lwf: MethodDefinition = {
  name: "lwf",
  summary: "fine-tuning that keeps the previous model's responses to the task's own images and prompts",
  create(given) {
    const options = schema.parse(withWarmup(given));
    return fullFineTuning({
      name: "lwf",
      options,
      terms(task, context) {
        const { model } = context;
        const teacher = copyModel(model);
        const distillation = new FeatureDistillation({
          teacher,
          images: task.train,
          stretched: true,
          texts: trainingPrompts(model, [task]).ids,
          temperature: options.temperature,
          batchSize: options.batchSize,
          order: { seed: `reference ${taskSeed(context)}` }, // not the order of the supervised batches
        });
        return {
          penalty: (iteration) => distillation.loss(model, iteration).mul(options.distillationWeight),
          dispose() {
            distillation.dispose();
            teacher.dispose();
          },
        };
      },
    });
  },
};
