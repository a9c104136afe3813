import type { Task } from "../../data/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { contrastiveLoss } from "./losses.js";
import { sum } from "./sums.js";
import type { IterationTexts, TrainingPlan } from "./training.js";
import { trainingPrompts } from "./training-prompts.js";
import type { RunContext } from "./types.js";
import { encodeUnitTexts, rowOf, unit } from "./unit-features.js";

/** The loss of a batch, with what it compares images with. */
export interface PreparedLoss extends Disposable {
  of(images: Tensor, labels: Tensor, iteration: number): { readonly loss: Tensor; readonly penalty?: Tensor };
}

/** The loss that a method's plan trains a task by. */
export function prepareLoss(
  task: Task,
  context: RunContext,
  plan: TrainingPlan,
  checkpoints: torch.Checkpoints,
): PreparedLoss {
  return plan.loss ? givenLoss(plan.loss.bind(plan)) : contrast(task, context, plan, checkpoints);
}

/** A loss that the method brings. */
function givenLoss(loss: (pixels: Tensor, labels: Tensor) => Tensor): PreparedLoss {
  return { of: (images, labels) => ({ loss: loss(images, labels) }), [Symbol.dispose]() {} };
}

/** The contrastive loss of images and the texts of the task's classes. */
function contrast(
  task: Task,
  context: RunContext,
  plan: TrainingPlan,
  checkpoints: torch.Checkpoints,
): PreparedLoss {
  const { model, learned } = context;
  const { options, encoders, classFeatures = (texts: Tensor) => texts } = plan;
  const kept: Tensor[] = [];
  const keep = (make: () => Tensor): Tensor => {
    const tensor = torch.noGrad(() => torch.scope(make)).keep();
    kept.push(tensor);
    return tensor;
  };
  const scale = keep(() => model.logitScale.exp());
  const textsOf = plan.texts ?? taskTexts(task, context, plan, keep);
  const earlierClasses = sum(learned.map(({ classes }) => classes.length));

  const encodeImages = (pixels: Tensor): Tensor => {
    const encode = (part: Tensor): Tensor => unit(model.encodeImage(part));
    if (options.accumulate === 1) return encode(pixels);
    return torch.cat(pixels.chunk(options.accumulate).map((part) => checkpoints.run(part, encode)));
  };
  const featuresOf = (images: Tensor, total: number): Tensor => {
    if (plan.features !== undefined) return images;
    const encode = () =>
      encoders === "text" ? torch.noGrad(() => encodeImages(images)) : encodeImages(images);
    return torch.distributed.gatherRows(images.size(0) === 0 ? undefined : encode(), total, rowOf(model));
  };
  return {
    of(images, labels, iteration) {
      const features = featuresOf(images, labels.size(0));
      const { classes, earlier, penalty } = textsOf(iteration);
      const loss = contrastiveLoss(features, classFeatures(classes), labels, scale, {
        loss: options.loss,
        bias: model.logitBias,
        labelSmoothing: options.labelSmoothing,
        earlierClasses,
        earlierFeatures: earlier,
        // The released code leaves the text-to-image term out when only the text encoder learns.
        textToImage: !(options.loss === "released" && encoders === "text"),
      });
      return { loss, penalty };
    },
    [Symbol.dispose]() {
      for (const tensor of kept) tensor.dispose();
    },
  };
}

/**
 * The prompts of the task's classes alone, beside those of earlier ones as they are before the task where
 * they compete.
 */
function taskTexts(
  task: Task,
  { model, learned }: RunContext,
  { options, encoders }: TrainingPlan,
  keep: (make: () => Tensor) => Tensor,
): (iteration: number) => IterationTexts {
  let sharedPrefix = 0;
  const ids = keep(() => {
    const prompts = trainingPrompts(model, [task]);
    sharedPrefix = prompts.sharedPrefix;
    return prompts.ids;
  });
  const prompts = { ids, sharedPrefix };
  const frozen = encoders === "vision" ? keep(() => encodeUnitTexts(model, prompts)) : undefined;
  const earlier =
    options.negatives === "seen" && learned.length > 0
      ? keep(() => encodeUnitTexts(model, trainingPrompts(model, learned)))
      : undefined;
  return () => ({ classes: frozen ?? encodeUnitTexts(model, prompts), earlier });
}
