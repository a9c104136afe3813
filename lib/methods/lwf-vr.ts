/*
 * LwF-VR, "Don't Stop Learning: Towards Continual Learning for the CLIP Model", arXiv:2207.09248, as in
 * arXiv:2303.06628; original code: Thunderbeee/ZSCL (`virtual_vocab` in `mtil/src/models/helpers.py`).
 *
 * The loss of `lwf`, with random sentences in place of the class prompts: start token, ten tokens uniform
 * over the whole vocabulary, end token. They protect a wider part of the text space.
 */

import { z } from "zod";
import type { DualEncoder } from "../clip/index.js";
import { Random } from "../data/index.js";
import { code } from "../options/index.js";
import type * as torch from "../torch/index.js";
import { withoutForgetting } from "./lwf.js";
import { fineTuningCost } from "./shared/cost.js";
import { defineMethod } from "./shared/definition.js";
import { distillationShape } from "./shared/distillation.js";
import { withWarmup } from "./shared/full-fine-tuning.js";
import { taskSeed } from "./shared/training.js";

const schema = z.strictObject({
  ...distillationShape,
  sentences: z.int().positive().default(1000).meta(code("random sentences, drawn once per task")),
  words: z.int().positive().default(10).meta(code("random tokens in a sentence")),
});

export const lwfVr = defineMethod({
  name: "lwf-vr",
  label: "LwF-VR",
  summary: "LwF on random sentences in place of the class prompts",
  schema,
  complete: withWarmup,
  create(options) {
    return withoutForgetting("lwf-vr", options, (model, _task, context) =>
      randomSentences(model, options, new Random(`sentences ${taskSeed(context)}`)),
    );
  },
  cost: (model) => fineTuningCost(model, 1 /* the teacher */),
});

/** Facts of a model that `randomSentences` needs. */
export interface Vocabulary {
  readonly tokenizer: Pick<DualEncoder["tokenizer"], "frame">;
  readonly config: { readonly text: Pick<DualEncoder["config"]["text"], "contextLength" | "vocabSize"> };
  readonly device: torch.Device;
}

/**
 * @returns `int64 [sentences, L]`, as the tokenizer frames them: L is words and the tokens around them, or
 * the context length where padding is read
 */
export function randomSentences(
  { tokenizer, config, device }: Vocabulary,
  { sentences, words }: { readonly sentences: number; readonly words: number },
  random: Random,
): torch.Tensor {
  const length = Math.min(words, config.text.contextLength - 2);
  const draw = (): number[] => Array.from({ length }, () => random.integer(config.text.vocabSize));
  return tokenizer.frame(Array.from({ length: sentences }, draw), { device });
}
