import type { Task } from "../../data/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import type { Inputs } from "./iteration.js";
import { contrastiveLoss } from "./losses.js";
import { sum } from "./sums.js";
import type { IterationTexts, TrainingPlan } from "./training.js";
import { trainingPrompts } from "./training-prompts.js";
import type { RunContext } from "./types.js";
import { encodeOwnUnitTexts, encodeUnitTexts, rowOf, unit } from "./unit-features.js";

/** The loss of a batch, with what it compares images with: in three steps, one after another. */
export interface PreparedLoss extends Disposable {
  /** Encodes the rows of this process. */
  encode(batch: Inputs): void;
  /** Gives every process the features of all: a collective. */
  share(batch: Inputs): void;
  of(batch: Inputs, iteration: number): { readonly loss: Tensor; readonly penalty?: Tensor };
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
  return {
    encode() {},
    share() {},
    of: ({ images, labels }) => ({ loss: loss(images, labels) }),
    [Symbol.dispose]() {},
  };
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
  const texts = plan.texts ? givenTexts(plan.texts.bind(plan)) : taskTexts(task, context, plan, keep);
  const rows = new torch.distributed.RowExchange(rowOf(model));
  let own: Tensor | undefined;
  const earlierClasses = sum(learned.map(({ classes }) => classes.length));

  const encodeImages = (pixels: Tensor): Tensor => {
    const encode = (part: Tensor): Tensor => unit(model.encodeImage(part));
    if (options.accumulate === 1) return encode(pixels);
    return torch.cat(pixels.chunk(options.accumulate).map((part) => checkpoints.run(part, encode)));
  };
  const encodeOwn = (images: Tensor): Tensor | undefined => {
    if (images.size(0) === 0) return undefined;
    return encoders === "text" ? torch.noGrad(() => encodeImages(images)) : encodeImages(images);
  };
  const hasImages = plan.features === undefined;
  return {
    encode({ images, labels }) {
      if (hasImages) own = encodeOwn(images);
      if (hasImages) rows.put(own, labels.size(0));
      texts.encode();
    },
    share({ labels }) {
      if (hasImages) rows.share(labels.size(0));
      texts.share();
    },
    of({ images, labels }, iteration) {
      const features = hasImages ? rows.take(own, labels.size(0)) : images;
      const { classes, earlier, penalty } = texts.of(iteration);
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
      for (const each of [...kept, rows, texts]) each.dispose();
    },
  };
}

/** The texts of an iteration, in the steps of the loss. */
interface TextSteps {
  encode(): void;
  share(): void;
  of(iteration: number): IterationTexts;
  dispose(): void;
}

/** Texts that a method brings; it gathers rows by itself. */
function givenTexts(of: (iteration: number) => IterationTexts): TextSteps {
  return { encode() {}, share() {}, of, dispose() {} };
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
): TextSteps {
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
  if (frozen !== undefined) return givenTexts(() => ({ classes: frozen, earlier }));
  const rows = new torch.distributed.RowExchange(rowOf(model));
  const total = ids.size(0);
  let own: Tensor | undefined;
  return {
    encode() {
      own = encodeOwnUnitTexts(model, prompts);
      rows.put(own, total);
    },
    share: () => rows.share(total),
    of: () => ({ classes: rows.take(own, total), earlier }),
    dispose: () => rows.dispose(),
  };
}
