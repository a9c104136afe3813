/*
 * CLIP, "Learning Transferable Visual Models From Natural Language Supervision", arXiv:2103.00020; original
 * code: openai/CLIP.
 *
 *     score_c = s ⟨z(x), u_c⟩
 *
 * with the unit feature z of an image, and for each class the mean u_c of the unit features of its prompts,
 * made unit again. Never trained.
 */

import { z } from "zod";
import { defineMethod } from "./shared/definition.js";
import { emptyState } from "./shared/types.js";
import { zeroShotClassifier, zeroShotFeatureClassifier } from "./shared/zero-shot-classifier.js";

export const zeroShot = defineMethod({
  name: "zero-shot",
  label: "CLIP zero-shot",
  summary: "the pre-trained CLIP as it is",
  schema: z.strictObject({}),
  create() {
    return {
      name: "zero-shot",
      options: {},
      isParallel: true,
      keepsWeights: true,
      keepsImageEncoder: true,
      beginTask() {},
      async trainTask() {
        return { iterations: 0, trainableParameters: 0 };
      },
      endTask() {},
      classifier: zeroShotClassifier,
      featureClassifier: zeroShotFeatureClassifier,
      state: () => emptyState,
      loadState() {},
    };
  },
  cost: () => ({ trainable: 0, inference: 0, stored: 0, trainingBytes: 0, explanation: "Nothing is added." }),
});
