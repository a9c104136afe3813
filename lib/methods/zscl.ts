/*
 * ZSCL, "Preventing Zero-Shot Transfer Degradation in Continual Learning of Vision-Language Models",
 * arXiv:2303.06628; original code: Thunderbeee/ZSCL (`mtil/src/models/finetune.py`).
 *
 *     loss = CE(s z uᵀ, y) + w (D(L̄ → L) + D(L̄ᵀ → Lᵀ)) + λ Σ (θ − θ_{t−1})²
 *     θ_t = mean of θ_{t−1} and θ after every 100th iteration
 *
 * The second part is the distillation of `lwf`, from the pre-trained model on broad reference images and
 * texts. Captions that are longer than the context keep their end token, as CLIP's own tokenizer cuts them;
 * the released code loses it.
 */

import { z } from "zod";
import { copyModel, type DualEncoder } from "../clip/index.js";
import { code, paper } from "../options/index.js";
import { fineTuningCost } from "./shared/cost.js";
import { defineMethod } from "./shared/definition.js";
import { distillationShape, FeatureDistillation } from "./shared/distillation.js";
import { fullFineTuning, type TaskTerms, withWarmup } from "./shared/full-fine-tuning.js";
import { liveState } from "./shared/live-state.js";
import { joinedState } from "./shared/stage.js";
import { countedOnce, taskSeed } from "./shared/training.js";
import type { ReferenceData, RunContext } from "./shared/types.js";
import { WeightSnapshot } from "./shared/weights.js";

const schema = z.strictObject({
  ...distillationShape,
  consolidation: z
    .number()
    .nonnegative()
    .default(1)
    .meta(paper("λ of the squared distance to the weights before the task")),
  ensembleEvery: z
    .int()
    .positive()
    .nullable()
    .default(100)
    .meta(paper("iterations between weights that enter the average; null for none")),
  ensembleAlpha: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .meta(
      code(
        "share of the average whenever weights enter it, the rest being those before the task; published with 0.99",
      ),
    ),
});

export const zscl = defineMethod({
  name: "zscl",
  label: "ZSCL",
  summary: "fine-tuning with distillation on reference data, weight consolidation and weight averaging",
  schema,
  complete: withWarmup,
  create(options) {
    let teacher: DualEncoder | undefined;
    return {
      ...fullFineTuning({
        name: "zscl",
        options,
        terms: (_task, context) => termsOf(options, teacher as DualEncoder, context),
      }),
      checkNeeds({ hasReference }) {
        if (!hasReference) throw missingReference();
      },
      beginRun(context) {
        referenceOf(context.reference); // before hours of work
        teacher = copyModel(context.model);
      },
      dispose: () => teacher?.dispose(),
    };
  },
  cost: (model) => fineTuningCost(model, 3 /* the teacher, the weights before the task, and their average */),
});

/** Additions to fine-tuning on one task: distillation, consolidation, and the average of weights. */
async function termsOf(
  options: z.output<typeof schema>,
  teacher: DualEncoder,
  context: RunContext,
): Promise<TaskTerms> {
  const { model } = context;
  const { iterations, ensembleEvery, ensembleAlpha } = options;
  const reference = referenceOf(context.reference);
  const distillation = await FeatureDistillation.prepare(
    {
      teacher,
      images: reference.images,
      stretched: false,
      texts: model.tokenizer.encode(reference.texts, { device: model.device, truncate: true }),
      temperature: options.temperature,
      batchSize: options.batchSize,
      order: { seed: `reference ${taskSeed(context)}` },
    },
    context,
  );
  const anchor = new WeightSnapshot(model);
  const average = new WeightSnapshot(model);
  const averaged = { count: 1 }; // the weights at the start count as one
  return {
    penalty: (iteration) =>
      distillation
        .loss(model, iteration)
        .mul(options.distillationWeight)
        .add(countedOnce(anchor.squaredDistance(model).mul(options.consolidation))),
    state: joinedState({
      distillation: distillation.state,
      average: liveState({ tensors: { weights: average.weights }, counters: averaged }),
    }),
    afterStep(iteration) {
      if (ensembleEvery === null) return;
      // The released code makes one more iteration, of learning rate zero, whose weights enter too.
      const isLastOfMany = iteration + 1 === iterations && iterations % ensembleEvery === 0;
      const times = Number(iteration % ensembleEvery === 0) + Number(isLastOfMany);
      for (let i = 0; i < times; i++) {
        average.average(model, 1 / ++averaged.count);
        if (ensembleAlpha < 1) average.pull(anchor, ensembleAlpha);
      }
    },
    finish() {
      if (ensembleEvery !== null) average.restore(model);
    },
    dispose() {
      for (const part of [distillation, anchor, average]) part.dispose();
    },
  };
}

function referenceOf(reference: ReferenceData | undefined): ReferenceData {
  if (reference !== undefined) return reference;
  throw missingReference();
}

function missingReference(): Error {
  return new Error(
    "zscl: expected reference images and texts to distil on, got none. Name them in the configuration under 'reference'.",
  );
}
