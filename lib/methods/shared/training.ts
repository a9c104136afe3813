import { setImmediate } from "node:timers/promises";
import { type Task, TrainingBatches } from "../../data/index.js";
import type { LoraEncoders } from "../../lora/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { GradientParts } from "./gradient-parts.js";
import {
  capturedIterations,
  type Inputs,
  type IterationPart,
  type Iterations,
  plainIterations,
  type Update,
} from "./iteration.js";
import { liveState } from "./live-state.js";
import { LossMeter } from "./loss-meter.js";
import type { TrainingOptions } from "./options.js";
import { joinedState, type StageState } from "./stage.js";
import { prepareLoss } from "./task-loss.js";
import type { RunContext, RunEvent } from "./types.js";

/** Additions of a method to the common training loop. */
export interface TrainingPlan {
  readonly options: TrainingOptions;
  /**
   * Encoders with trainable weights; features of the other one are computed without gradient, text features
   * once per task.
   */
  readonly encoders: LoraEncoders;
  /**
   * The generator that encoders draw from in training, such as for dropout; part by part with `accumulate`.
   * Default: they draw nothing.
   */
  readonly generator?: torch.Generator;
  /**
   * `fresh`, the default: another random crop whenever an image comes; `fixed`: the same box each time;
   * `center`: its middle, as in tests.
   */
  readonly crops?: "fresh" | "fixed" | "center";
  /** Leaves out the last batch of an epoch where it is short, unless it is the only one. */
  readonly dropLast?: boolean;
  /**
   * Unit features of the images, computed before; the image encoder takes no part. Default: the images
   * themselves.
   */
  readonly features?: { at(iteration: number): Inputs };
  /** The texts of an iteration, where they are more than the prompts of the task's classes. */
  texts?(iteration: number): IterationTexts;
  /** Makes the features that images are compared with, from those of the prompts `[C, D]`. Default: these. */
  classFeatures?(texts: Tensor): Tensor;
  /**
   * The loss of a batch, in place of the contrastive one. `accumulate` then has no effect, and one process
   * alone can train by it.
   */
  loss?(pixels: Tensor, labels: Tensor): Tensor;
  /**
   * A term that is added to the loss of an iteration, such as distillation. All processes compute it; its
   * gradient has to go through `encodeRows`, or count on one of them only: `countedOnce`.
   */
  penalty?(iteration: number): Tensor;
  /** The parameters that `update` changes. Gradients of several processes are summed over it. */
  readonly parameters: readonly Tensor[];
  /**
   * All that training changes: parameters, moments, and whatever else goes from one iteration to the next. A
   * run that ends within the task goes on from it.
   */
  readonly state: StageState;
  /** Clears the gradients. */
  zeroGrad(): void;
  /**
   * Changes the weights by their gradients. On CUDA, one that is recordable makes the whole iteration a
   * graph.
   */
  readonly update: Update;
  /**
   * The place of these iterations among all of the task, for methods that train in phases. Default: they are
   * all.
   */
  readonly phase?: { readonly start: number; readonly total: number };
}

/** Texts that an iteration encodes. */
export interface IterationTexts {
  /** Unit features of the task's classes, `[C, D]`. */
  readonly classes: Tensor;
  /** Unit features `[E, D]` of earlier classes, which compete for the task's images too. */
  readonly earlier?: Tensor;
  /** A term of the texts in the loss. */
  readonly penalty?: Tensor;
}

/**
 * Trains on one task: batches of its images against the prompts of its classes, contrastive loss, one update
 * per iteration. Losses are read back every `logEvery` iterations only, so that the device never waits. With
 * `accumulate`, gradients are those of the whole batch, also where the loss compares images with each other
 * ("Scaling Deep Contrastive Learning Batch Size", arXiv:2101.06983).
 * @returns the mean loss since the last report
 * @throws if the loss is not finite, naming the dataset and the iterations; if the run is aborted
 */
export async function train(task: Task, context: RunContext, plan: TrainingPlan): Promise<number> {
  const { options } = plan;
  const { iterations, batchSize, logEvery } = options;
  const { start, total } = plan.phase ?? { start: 0, total: iterations };
  const inputs = plan.features ?? cropsOf(task, context, plan);
  const generators = plan.generator && [plan.generator];
  const checkpoints = new torch.Checkpoints(generators);
  using prepared = prepareLoss(task, context, plan, checkpoints);
  using losses = new LossMeter(context.model.device);
  const own = liveState({ tensors: losses.sums, generators, counters: losses.last });
  const stage = context.stage("training", iterations, joinedState({ training: own, plan: plan.state }));
  const gradients = new GradientParts({
    loss: prepared,
    meter: losses,
    checkpoints,
    penalty: (iteration) => plan.penalty?.(iteration),
    parameters: plan.parameters,
    zeroGrad: () => plan.zeroGrad(),
    stage,
  });
  const run = prepareIterations(task, context, plan, gradients.all());
  try {
    if (options.checkpointing) context.model.checkpoints = checkpoints;
    let [began, timed] = [performance.now(), stage.done];
    for (let i = stage.done; i < iterations; i++) {
      context.signal.throwIfAborted();
      const describe = torch.scope(() => run.run(inputs.at(i), i));
      const done = i + 1;
      if (done % logEvery === 0 || done === iterations) {
        const from = losses.last.done;
        const { loss, penalty } = losses.read(done);
        checkLoss(loss, task, start + from, start + done);
        const hasPenalty = plan.penalty !== undefined || plan.texts !== undefined;
        const seconds = (performance.now() - began) / 1000;
        context.log({
          ...stepEvent(task, context, start + done, loss),
          ...(hasPenalty && { penalty }),
          ...describe(),
          imagesPerSecond: ((done - timed) * batchSize) / seconds,
        });
        [began, timed] = [performance.now(), done];
        context.progress(start + done, total, loss);
      }
      await setImmediate(); // signals arrive here
      const saving = stage.reached(done, gradients.isAnyAsked);
      if (saving !== undefined) await saving;
    }
  } finally {
    context.model.checkpoints = undefined;
    run.dispose();
  }
  return losses.last.loss as number;
}

/** A seed of its own for every task of a run, so that a resumed run draws what an uninterrupted one draws. */
export function taskSeed(context: Pick<RunContext, "seed" | "taskIndex">): number {
  return context.seed * 1000 + context.taskIndex;
}

/** Crops of the task's images, batch by batch. */
function cropsOf(
  task: Task,
  context: RunContext,
  { options, crops, dropLast }: TrainingPlan,
): { at(iteration: number): Inputs } {
  const batches = new TrainingBatches(task.train, {
    batchSize: options.batchSize,
    seed: taskSeed(context),
    preprocessing: context.model.preprocessing,
    dropLast,
    crop: crops === "center" ? crops : { scale: options.cropScale, isFixed: crops === "fixed" },
    device: context.model.device,
    rows: torch.distributed.ownRows,
  });
  return {
    at(iteration) {
      const { pixels, labels } = batches.at(iteration);
      return { images: pixels, labels };
    },
  };
}

/**
 * On CUDA as a graph, where nothing in an iteration changes from one to the next but its batch and what the
 * update's tensors hold. Of several processes as graphs, between which they tell each other.
 */
function prepareIterations(
  task: Task,
  { model, taskIndex, log }: RunContext,
  { options, update, generator, penalty, texts }: TrainingPlan,
  parts: readonly IterationPart[],
): Iterations {
  const isSteady = [penalty, texts, generator].every((part) => part === undefined);
  if (model.device.startsWith("cuda") && options.cudaGraph && isSteady && typeof update !== "function") {
    const device = Number(model.device.split(":")[1] ?? 0);
    return capturedIterations(
      parts,
      update,
      (step) => torch.cuda.captureParts(step, { device, agree: firstReason }),
      (reason) => log({ kind: "no-cuda-graph", task: taskIndex, dataset: task.name, reason }),
    );
  }
  return plainIterations(parts, update);
}

/** The first reason of any process: all record an iteration, or none does. */
function firstReason(own: string | undefined): string | undefined {
  return torch.distributed.allGatherObjects(own).find((reason) => reason !== undefined);
}

/**
 * A term of the loss that every process computes alike, through nothing that it alone has encoded: its
 * gradient counts on the first one.
 */
export function countedOnce(term: Tensor): Tensor {
  return torch.distributed.rank() === 0 ? term : term.detach();
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
