/*
 * KeepLoRA, "Continual Learning with Residual Gradient Adaptation", arXiv:2601.19659, and KeepLoRA++,
 * arXiv:2606.16256; original code: MaolinLuo/KeepLoRA (v1: folder MTIL; v2: model/peft_modules.py).
 *
 *     Ĝ = G − U Uᵀ G = P Σ Qᵀ,   A = P_r,   B₀ = Σ_r Q_rᵀ,   W ← W + σ ℓ A (B − B₀)
 *     for layers y = x W with rows x
 *
 * for the matrices of the attention in both encoders. U holds the main directions of the pre-trained weights
 * and of the layer's inputs in earlier tasks. G is the gradient of the task's loss before it is learned. A
 * stays as it is and is orthogonal to U: an input inside U gets the output that it had. Variants: `v1`; `pp`
 * (KeepLoRA++: B₀ = 0, layer scale ℓ rising along the blocks); `plus` and `pp-cls`, the two with a cosine
 * head per task,
 *
 *     logits = s ⟨z, u_c⟩ + 30 ⟨z, w_c / ‖w_c‖⟩
 *
 * for images of a dataset that was learned, whose name must be known at test time. Each starts at the class
 * means, learns with B and then stays.
 *
 * The publications leave some things open. Here they are so:
 * - W − σ A B₀ is never written: `ResidualAdapters` trains B − B₀, the same function. So v1 and ++ without
 *   layer scale differ in what weight decay pulls towards, B₀ or nothing, and are equal without it.
 * - Without epochs given, a task has 500 iterations: few-shot and X-TAIL runs of this method are nobody
 *   else's.
 * - ++ scales the text encoder's layers from `textLayerScale` to 1 as it does the image encoder's from
 *   `gamma`; its default of 1 is no scale.
 * - In their last blocks the encoders compute the output projection for what they read out alone: so only
 *   that is protected there.
 * - Padding, which `textPositions: all` counts, is the tokenizer's own; OpenAI's code pads with zeros.
 */

import { KeepLora } from "./keeplora/method.js";
import { hasHeads, schema, withPreset } from "./keeplora/options.js";
import { bytesPerValue, trainingCopies } from "./shared/cost.js";
import { defineMethod } from "./shared/definition.js";
import { attentionLayers } from "./shared/layer-inputs.js";
import { sum } from "./shared/sums.js";

export const keepLora = defineMethod({
  name: "keeplora",
  label: "KeepLoRA",
  summary: "low-rank updates outside of what the weights and earlier tasks use; KeepLoRA+ and ++ by variant",
  schema,
  complete: withPreset,
  create(options, protocol) {
    if (hasHeads(options) && protocol !== "mtil") {
      throw new Error(
        `keeplora: variant ${options.variant} classifies with the head of an image's dataset, which X-TAIL does not tell. ` +
          "Expected the protocol mtil, or variant v1 or pp.",
      );
    }
    return new KeepLora(options);
  },
  cost(model) {
    const rank = schema.shape.rank.parse(undefined);
    const places = attentionLayers(model);
    const trainable = sum(places.map(({ linear }) => linear.outFeatures * rank));
    const fixed = sum(places.map(({ linear, targets }) => targets.length * linear.inFeatures * rank));
    const bases = sum(places.map(({ linear, targets }) => targets.length * linear.inFeatures ** 2));
    return {
      trainable,
      inference: 0,
      stored: 0,
      trainingBytes: bytesPerValue * (fixed + (2 + trainingCopies) * trainable + bases),
      explanation:
        "B of the four matrices of every attention; A and the start of B are fixed. Training: with the protected directions of all matrices, at most " +
        "their whole space. KeepLoRA+ stores and trains a feature for every class as well.",
    };
  },
});
