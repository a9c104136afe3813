import { z } from "zod";
import { type ClipModel, copyModel } from "../clip/index.js";
import { centerCrop, type Task } from "../data/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import { distillationShape, FeatureDistillation } from "./shared/distillation.js";
import { ExemplarMemory, herd } from "./shared/exemplars.js";
import { fullFineTuning, withWarmup } from "./shared/full-fine-tuning.js";
import type { MethodDefinition } from "./shared/options.js";
import { trainingPrompts } from "./shared/training.js";

const schema = z.strictObject({
  ...distillationShape,
  memory: z.int().positive().default(10_000).describe("exemplar images in all, shared equally by the tasks"),
  teacher: z
    .enum(["zero-shot", "previous"])
    .default("zero-shot")
    .describe("whose responses are kept: the pre-trained model's, or those of the model before the task"),
});

/**
 * iCaRL, arXiv:1611.07725, as it is applied to CLIP in arXiv:2303.06628 (Thunderbeee/ZSCL, `mtil/src/models/icarl.py`), with the repairs that
 * the baseline specification, section 6, names.
 *
 * Fine-tuning; from the second task on with distillation on exemplar images of the earlier tasks, chosen by herding, against the current
 * class prompts. Prediction is CLIP's, not by nearest class means.
 */
export const icarl: MethodDefinition = {
  name: "icarl",
  summary: "fine-tuning with distillation on herded exemplars of earlier tasks",
  create(given) {
    const options = schema.parse(withWarmup(given));
    const memory = new ExemplarMemory(options.memory);
    let pretrained: ClipModel | undefined;
    const method = fullFineTuning({
      name: "icarl",
      options,
      terms(task, { model }) {
        if (memory.length === 0) return {};
        const isOwn = options.teacher === "previous";
        const teacher = isOwn ? copyModel(model) : (pretrained as ClipModel);
        const images = memory.images();
        const distillation = new FeatureDistillation({
          teacher,
          images,
          stretched: false,
          texts: trainingPrompts(model, [task]).ids,
          temperature: options.temperature,
          batchSize: options.batchSize,
          order: "cyclic",
        });
        return {
          penalty: (iteration) => distillation.loss(model, iteration).mul(options.distillationWeight),
          dispose() {
            distillation.dispose();
            images.dispose();
            if (isOwn) teacher.dispose();
          },
        };
      },
    });
    return {
      ...method,
      beginRun({ model }) {
        if (options.teacher === "zero-shot") pretrained = copyModel(model);
      },
      endTask(task, context) {
        method.endTask(task, context);
        const exemplars = chooseExemplars(task, context.model, memory.quota(context.taskIndex + 1));
        memory.add(exemplars);
        context.log({
          kind: "exemplars",
          task: context.taskIndex,
          dataset: task.name,
          added: exemplars.size(0),
          inMemory: memory.length,
        });
      },
      state: () => memory.state(),
      loadState: (state) => memory.loadState(state),
      dispose() {
        memory.dispose();
        pretrained?.dispose();
      },
    };
  },
};

/** The middle of the herded training images. @returns `uint8 [n, 3, S, S]`, best first */
function chooseExemplars(task: Task, model: ClipModel, quota: number): Tensor {
  const chunk = 64;
  return torch
    .noGrad(() =>
      torch.scope(() => {
        const crops: Tensor[] = [];
        const features: Tensor[] = [];
        const { cropSize } = model.preprocessing;
        for (let start = 0; start < task.train.length; start += chunk) {
          const end = Math.min(start + chunk, task.train.length);
          const [crop, feature] = torch.scope(() => {
            const { images } = task.train.slice(start, end);
            const middle = centerCrop(images, task.train.aspectRatios.subarray(start, end), cropSize);
            const pixels = model.preprocessing.normalise(middle.to({ device: model.device }));
            return [
              middle.round().to({ dtype: "uint8" }),
              torch.nn.functional.normalize(model.encodeImage(pixels)),
            ] as const;
          });
          crops.push(crop);
          features.push(feature);
        }
        const order = herd(torch.cat(features), quota);
        return torch.cat(crops).indexSelect(0, torch.tensor(order, { dtype: "int64" }));
      }),
    )
    .keep();
}
