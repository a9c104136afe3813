import { z } from "zod";
import { type ClipModel, copyModel } from "../clip/index.js";
import { Random } from "../data/index.js";
import * as torch from "../torch/index.js";
import { distillationShape, FeatureDistillation } from "./shared/distillation.js";
import { fullFineTuning, withWarmup } from "./shared/full-fine-tuning.js";
import type { MethodDefinition } from "./shared/options.js";
import { taskSeed } from "./shared/training.js";

const schema = z.strictObject({
  ...distillationShape,
  sentences: z.int().positive().default(1000).describe("random sentences, drawn once per task"),
  words: z.int().positive().default(10).describe("random tokens in a sentence"),
});

/**
 * Learning without Forgetting with a random vocabulary: "Don't Stop Learning: Towards Continual Learning for the CLIP Model",
 * arXiv:2207.09248, as in Thunderbeee/ZSCL (`virtual_vocab` in `mtil/src/models/helpers.py`).
 *
 * Like `lwf`, with sentences of random tokens in place of the class prompts, which protects a wider part of the text space.
 */
export const lwfVr: MethodDefinition = {
  name: "lwf-vr",
  summary: "LwF on random sentences in place of the class prompts",
  create(given) {
    const options = schema.parse(withWarmup(given));
    return fullFineTuning({
      name: "lwf-vr",
      options,
      terms(task, context) {
        const { model } = context;
        const teacher = copyModel(model);
        const distillation = new FeatureDistillation({
          teacher,
          images: task.train,
          stretched: true,
          texts: randomSentences(model, options, new Random(`sentences ${taskSeed(context)}`)),
          temperature: options.temperature,
          batchSize: options.batchSize,
          order: { seed: `reference ${taskSeed(context)}` },
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

/**
 * Start token, tokens uniform over the whole vocabulary, end token.
 * @returns `int64 [sentences, words + 2]`; the zeros that follow up to the context length change nothing
 */
export function randomSentences(
  { tokenizer, config, device }: ClipModel,
  { sentences, words }: { sentences: number; words: number },
  random: Random,
): torch.Tensor {
  const length = Math.min(words, config.text.contextLength - 2);
  const rows = Array.from({ length: sentences }, () => [
    tokenizer.startId,
    ...Array.from({ length }, () => random.integer(config.text.vocabSize)),
    tokenizer.endId,
  ]);
  return torch.tensor(rows, { dtype: "int64", device });
}
