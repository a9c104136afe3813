import { type ClipModel, classPrompts, encodePrompts, type Prompts } from "../../clip/index.js";
import { type Batch, type Task, TrainingBatches } from "../../data/index.js";
import type { LoraEncoders } from "../../lora/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { capturedIterations, type Iterations, plainIterations, type Update } from "./iteration.js";
import { contrastiveLoss } from "./losses.js";
import type { TrainingOptions } from "./options.js";
import type { LabelGroup, RunContext, RunEvent } from "./types.js";

/** What a method adds to the common training loop. */
export interface TrainingPlan {
  readonly options: TrainingOptions;
  /** Encoders with trainable weights; features of the other one are computed without gradient, text features once per task. */
  readonly encoders: LoraEncoders;
  /** What encoders draw from in training, such as for dropout; part by part with `accumulate`. Default: they draw nothing. */
  readonly generator?: torch.Generator;
  /** `fresh`, the default: another random crop whenever an image comes; `fixed`: the same one; `center`: its middle, as in tests. */
  readonly crops?: "fresh" | "fixed" | "center";
  /** Leaves out the last batch of an epoch where it is short, unless it is the only one. */
  readonly dropLast?: boolean;
  /** What images are compared with, from the unit features of the task's prompts `[C, D]`. Default: these. */
  classFeatures?(texts: Tensor): Tensor;
  /** The loss of a batch, in place of the contrastive one. `accumulate` then has no effect. */
  loss?(pixels: Tensor, labels: Tensor): Tensor;
  /** What is added to the loss of an iteration, such as a distillation term. */
  penalty?(iteration: number): Tensor;
  /** Clears the gradients. */
  zeroGrad(): void;
  /** Changes the weights by their gradients. On CUDA, one that is recordable makes the whole iteration a graph. */
  readonly update: Update;
}

/**
 * Trains on one task: batches of its images against the prompts of its classes, contrastive loss, one update per iteration.
 * Losses are read back every `logEvery` iterations only, so that the device never waits. With `accumulate`, gradients are those of the whole batch,
 * also where the loss compares images with each other: "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup", arXiv:2101.06983.
 * @returns the mean loss since the last report
 * @throws if the loss is not finite, naming the dataset and the iterations; if the run is aborted
 */
export async function train(task: Task, context: RunContext, plan: TrainingPlan): Promise<number> {
  const { options } = plan;
  const { iterations, batchSize, logEvery, cropScale } = options;
  const batches = new TrainingBatches(task.train, {
    batchSize,
    seed: taskSeed(context),
    preprocessing: context.model.preprocessing,
    dropLast: plan.dropLast,
    crop: plan.crops === "center" ? "center" : { scale: cropScale, isFixed: plan.crops === "fixed" },
    device: context.model.device,
  });
  const checkpoints = new torch.Checkpoints(plan.generator && [plan.generator]);
  const lossOf = plan.loss
    ? Object.assign(plan.loss.bind(plan), { dispose() {} })
    : prepareLoss(task, context, plan, checkpoints);
  const [sum, penaltySum] = torch.unscoped(() => {
    const zero = () => torch.zeros([], { device: context.model.device });
    return [zero(), zero()];
  });
  let mean = Number.NaN;
  let lastReport = 0;
  let began = performance.now();
  if (options.checkpointing) context.model.checkpoints = checkpoints;
  const run = prepareIterations(task, context, plan, ({ pixels, labels }, penalty) => {
    plan.zeroGrad();
    let loss = lossOf(pixels, labels);
    if (penalty !== undefined) {
      penaltySum.add_(penalty.detach());
      loss = loss.add(penalty);
    }
    loss.backward();
    checkpoints.backward();
    sum.add_(loss.detach());
  });
  try {
    for (let i = 0; i < iterations; i++) {
      context.signal.throwIfAborted();
      const describe = torch.scope(() => run.run(batches.at(i), i));
      const done = i + 1;
      if (done % logEvery === 0 || done === iterations) {
        mean = sum.item() / (done - lastReport);
        checkLoss(mean, task, lastReport, done);
        const penalty =
          plan.penalty === undefined ? {} : { penalty: penaltySum.item() / (done - lastReport) };
        const seconds = (performance.now() - began) / 1000;
        context.log({
          ...stepEvent(task, context, done, mean),
          ...penalty,
          ...describe(),
          imagesPerSecond: ((done - lastReport) * batchSize) / seconds,
        });
        for (const total of [sum, penaltySum]) total.zero_().dispose();
        lastReport = done;
        began = performance.now();
        context.progress(done, iterations, mean);
      }
      await turn();
    }
  } finally {
    context.model.checkpoints = undefined;
    run.dispose();
    sum.dispose();
    penaltySum.dispose();
    lossOf.dispose();
  }
  return mean;
}

/** A seed of its own for every task of a run, so that a resumed run draws what an uninterrupted one draws. */
export function taskSeed(context: Pick<RunContext, "seed" | "taskIndex">): number {
  return context.seed * 1000 + context.taskIndex;
}

/** On CUDA as a graph, where nothing in an iteration changes from one to the next but its batch and what the update's tensors hold. */
function prepareIterations(
  task: Task,
  { model, taskIndex, log }: RunContext,
  { options, update, generator, penalty }: TrainingPlan,
  computeGradients: (batch: Batch, penalty?: Tensor) => void,
): Iterations {
  const isSteady = penalty === undefined && generator === undefined;
  if (model.device.startsWith("cuda") && options.cudaGraph && isSteady && typeof update !== "function") {
    const device = Number(model.device.split(":")[1] ?? 0);
    return capturedIterations(
      computeGradients,
      update,
      (step) => torch.cuda.capture(step, { device }),
      (reason) => log({ kind: "no-cuda-graph", task: taskIndex, dataset: task.name, reason }),
    );
  }
  return plainIterations((batch, iteration) => computeGradients(batch, penalty?.(iteration)), update);
}

type LossOf = ((pixels: Tensor, labels: Tensor) => Tensor) & { dispose(): void };

function prepareLoss(
  task: Task,
  context: RunContext,
  { options, encoders, classFeatures = (texts) => texts }: TrainingPlan,
  checkpoints: torch.Checkpoints,
): LossOf {
  const { model, learned } = context;
  const kept: Tensor[] = [];
  const keepFeatures = (make: () => Tensor): Tensor => {
    const features = torch.noGrad(() => torch.scope(() => unit(make()))).keep();
    kept.push(features);
    return features;
  };
  const prompts = trainingPrompts(model, [task]);
  kept.push(prompts.ids.keep());
  const scale = torch.noGrad(() => model.logitScale.exp()).keep();
  kept.push(scale);
  const frozenText = encoders === "vision" ? keepFeatures(() => encodeTexts(model, prompts)) : undefined;
  const earlierClasses = learned.reduce((count, group) => count + group.classes.length, 0);
  const earlierFeatures =
    options.negatives === "seen" && earlierClasses > 0
      ? keepFeatures(() => encodeTexts(model, trainingPrompts(model, learned)))
      : undefined;

  const encodeImages = (pixels: Tensor): Tensor => {
    const encode = (part: Tensor): Tensor => unit(model.encodeImage(part));
    if (options.accumulate === 1) return encode(pixels);
    return torch.cat(pixels.chunk(options.accumulate).map((part) => checkpoints.run(part, encode)));
  };
  const lossOf = (pixels: Tensor, labels: Tensor): Tensor => {
    const images = encoders === "text" ? torch.noGrad(() => encodeImages(pixels)) : encodeImages(pixels);
    const texts = frozenText ?? unit(encodeTexts(model, prompts));
    return contrastiveLoss(images, classFeatures(texts), labels, scale, {
      loss: options.loss,
      labelSmoothing: options.labelSmoothing,
      earlierClasses,
      earlierFeatures,
      // The reference code leaves the text-to-image term out when only the text encoder learns.
      textToImage: !(options.loss === "reference" && encoders === "text"),
    });
  };
  const dispose = (): void => {
    for (const tensor of kept) tensor.dispose();
  };
  return Object.assign(lossOf, { dispose });
}

/** The prompts of all classes, each in the first template of its group. */
export function trainingPrompts({ tokenizer, device }: ClipModel, groups: readonly LabelGroup[]): Prompts {
  const prompts = groups.flatMap(({ classes, templates }) => classPrompts(classes, templates[0]));
  return encodePrompts(tokenizer, prompts, { device });
}

function encodeTexts(model: ClipModel, { ids, sharedPrefix }: Prompts): Tensor {
  return model.encodeText(ids, { sharedPrefix });
}

function unit(features: Tensor): Tensor {
  return torch.nn.functional.normalize(features);
}

function checkLoss(mean: number, task: Task, from: number, to: number): void {
  if (Number.isFinite(mean)) return;
  throw new Error(
    `The loss is ${mean} on dataset '${task.name}' between iterations ${from + 1} and ${to}: expected a finite number. ` +
      "The model as it was before this task is saved. Lower the learning rate, or check the images.",
  );
}

function stepEvent(task: Task, context: RunContext, step: number, loss: number): RunEvent {
  return { kind: "step", task: context.taskIndex, dataset: task.name, step, loss };
}

/** Lets the event loop turn: signals, timers and progress get their time between two iterations. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
