/*
 * iCaRL: Incremental Classifier and Representation Learning, arXiv:1611.07725, as it is applied to CLIP in
 * arXiv:2303.06628; original code: Thunderbeee/ZSCL (`mtil/src/models/icarl.py`).
 *
 *     loss = CE(s z uᵀ, y) + w (D(L̄ → L) + D(L̄ᵀ → Lᵀ))
 *     (the first task has the first term alone)
 *     exemplar k of a task = argmin_i ‖μ − (φ_i + Σ_{picked} φ) / k‖²
 *
 * The second part is the distillation of `lwf` from the pre-trained model, on exemplar images of the earlier
 * tasks and the current class prompts. Exemplars are herded by unit features φ with mean μ; all tasks share
 * the memory equally. Prediction is CLIP's, not by nearest class means.
 *
 * The published script computes the distillation and does not add it, which `distillationWeight: 0` and
 * `labelSmoothing: 0` give: fine-tuning. Its other faults then have no effect, and are repaired here. They
 * are that the first task is not herded, memory grows beyond its size, and wrong images are stored.
 */

import { z } from "zod";
import { copyModel, type DualEncoder } from "../clip/index.js";
import { BatchSampler, centerCrop, type Task } from "../data/index.js";
import { code } from "../options/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import { type CostSetting, fineTuningCost } from "./shared/cost.js";
import { defineMethod } from "./shared/definition.js";
import { distillationShape, FeatureDistillation } from "./shared/distillation.js";
import { ExemplarMemory, Herding } from "./shared/exemplars.js";
import { fullFineTuning, withWarmup } from "./shared/full-fine-tuning.js";
import { inParts } from "./shared/in-parts.js";
import { liveState } from "./shared/live-state.js";
import type { StageState } from "./shared/stage.js";
import { taskSeed } from "./shared/training.js";
import { trainingPrompts } from "./shared/training-prompts.js";
import type { RunContext } from "./shared/types.js";

const schema = z.strictObject({
  ...distillationShape,
  memory: z
    .int()
    .positive()
    .default(10_000)
    .meta(code("exemplar images in all, shared equally by the tasks")),
  candidates: z
    .int()
    .positive()
    .default(30_000)
    .meta(code("training images of a task that exemplars are chosen from, at most")),
  teacher: z
    .enum(["zero-shot", "previous"])
    .default("zero-shot")
    .meta(code("whose responses are kept: the pre-trained model's, or those of the model before the task")),
});

export const icarl = defineMethod({
  name: "icarl",
  label: "iCaRL",
  summary: "fine-tuning with distillation on herded exemplars of earlier tasks",
  schema,
  complete: withWarmup,
  create(options) {
    const memory = new ExemplarMemory(options.memory);
    let pretrained: DualEncoder | undefined;
    const method = fullFineTuning({
      name: "icarl",
      options,
      async terms(task, context) {
        if (memory.length === 0) return {};
        const { model } = context;
        const isOwn = options.teacher === "previous";
        const teacher = isOwn ? copyModel(model) : (pretrained as DualEncoder);
        const images = memory.images();
        const distillation = await FeatureDistillation.prepare(
          {
            teacher,
            images,
            stretched: false,
            texts: trainingPrompts(model, [task]).ids,
            temperature: options.temperature,
            batchSize: options.batchSize,
            order: "cyclic",
            owned: isOwn ? [images, teacher] : [images],
          },
          context,
        );
        return distillation.terms(model, options.distillationWeight);
      },
    });
    return {
      ...method,
      beginRun({ model }) {
        if (options.teacher === "zero-shot") pretrained = copyModel(model);
      },
      async endTask(task, context) {
        await method.endTask(task, context);
        const quota = memory.quota(context.taskIndex + 1);
        const exemplars = await chooseExemplars(task, context, options.candidates, quota);
        memory.add(exemplars);
        context.log({
          kind: "exemplars",
          task: context.taskIndex,
          dataset: task.name,
          added: exemplars.size(0),
          inMemory: memory.length,
        });
        exemplars.dispose();
      },
      state: () => memory.state(),
      loadState: (state) => memory.loadState(state),
      dispose() {
        memory.dispose();
        pretrained?.dispose();
      },
    };
  },
  cost: (model, setting) => fineTuningCost(model, 1, exemplarBytes(model, setting)),
});

/** Images of earlier tasks: all that there are, or as many as the memory holds. */
function exemplarBytes(model: DualEncoder, { classes, tasks, shots }: CostSetting): number {
  const { memory } = schema.parse({});
  const images = Math.min(memory, Math.round((classes * shots * (tasks - 1)) / tasks));
  return images * 3 * model.config.vision.imageSize ** 2;
}

/** The middle of the herded training images. @returns `uint8 [n, 3, S, S]`, best first */
async function chooseExemplars(
  { train }: Task,
  context: RunContext,
  candidates: number,
  quota: number,
): Promise<Tensor> {
  const { model } = context;
  const { preprocessing, device, config } = model;
  const chunk = 64;
  const considered =
    train.length <= candidates
      ? Array.from({ length: train.length }, (_, i) => i)
      : new BatchSampler(train.length, { batchSize: candidates, seed: `candidates ${taskSeed(context)}` }).at(
          0,
        );
  const middleOf = (indices: readonly number[]): Tensor => {
    const aspectRatios = indices.map((i) => train.aspectRatios[i] as number);
    return centerCrop(train.select(indices, device).images, aspectRatios, preprocessing.cropSize);
  };
  return torch.scope(async () => {
    const features = torch.zeros([considered.length, config.embedDim], { device });
    const encode = (part: number): void =>
      torch.noGrad(() => {
        const indices = considered.slice(part * chunk, (part + 1) * chunk);
        const encoded = model.encodeImage(preprocessing.normalise(middleOf(indices)));
        features.narrow(0, part * chunk, indices.length).copy_(torch.nn.functional.normalize(encoded));
      });
    const encoded = liveState({ tensors: { features } });
    await inParts(context, "features of exemplars", Math.ceil(considered.length / chunk), encode, encoded);
    const count = Math.min(quota, considered.length);
    const herding = new Herding(features);
    const rows: number[] = [];
    const chosen: StageState = {
      state: () => ({ tensors: new Map(), data: { rows } }),
      loadState({ data }) {
        rows.push(...(data.rows as number[]));
        herding.resume(rows);
      },
    };
    await inParts(context, "choosing exemplars", count, () => void rows.push(herding.next()), chosen);
    const picked = rows.map((row) => considered[row] as number);
    const { cropSize } = preprocessing;
    const exemplars = torch.empty([count, 3, cropSize, cropSize], { dtype: "uint8" });
    await inParts(context, "keeping exemplars", Math.ceil(count / chunk), (part) => {
      const indices = picked.slice(part * chunk, (part + 1) * chunk);
      exemplars.narrow(0, part * chunk, indices.length).copy_(middleOf(indices).round());
    }); // seconds at most: done again
    return exemplars.keep();
  });
}
