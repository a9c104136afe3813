import { z } from "zod";
import * as torch from "../torch/index.js";
import { type MethodDefinition, trainingShape } from "./options.js";
import { train } from "./training.js";
import { emptyState } from "./types.js";
import { zeroShotClassifier } from "./zero-shot-classifier.js";

const schema = z.strictObject({ ...trainingShape, learningRate: trainingShape.learningRate.default(1e-5) });

/**
 * Sequential full fine-tuning: every weight but the logit scale learns each task in turn ("Continual-FT" in arXiv:2303.06628).
 * What forgetting looks like when nothing is done about it.
 */
export const finetune: MethodDefinition = {
  name: "finetune",
  summary: "sequential full fine-tuning of all weights",
  create(given) {
    const options = schema.parse(given);
    const { learningRate, iterations, warmup, betas, eps, weightDecay } = options;
    const schedule = torch.optim.cosineSchedule({ learningRate, total: iterations, warmup });
    return {
      name: "finetune",
      options,
      beginTask(_task, { model }) {
        model.requiresGrad_(true);
        model.logitScale.requiresGrad = false;
      },
      async trainTask(task, context) {
        const parameters = context.model.parameters().filter((parameter) => parameter.requiresGrad);
        const optimizer = new torch.optim.AdamW(parameters, { betas, eps, weightDecay });
        try {
          const loss = await train(task, context, {
            options,
            encoders: "both",
            zeroGrad: () => optimizer.zeroGrad(),
            update(iteration) {
              optimizer.learningRate = schedule(iteration);
              optimizer.step();
              return () => ({ learningRate: optimizer.learningRate });
            },
          });
          const trainableParameters = parameters.reduce((count, parameter) => count + parameter.numel(), 0);
          return { iterations, loss, trainableParameters };
        } finally {
          optimizer.zeroGrad();
          optimizer.dispose();
        }
      },
      endTask(_task, { model }) {
        model.requiresGrad_(false);
      },
      classifier: zeroShotClassifier,
      state: () => emptyState,
      loadState() {},
    };
  },
};
