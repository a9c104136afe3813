import { z } from "zod";
import type { Task } from "../../data/index.js";
import { code, type Given } from "../../options/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { numel } from "./cost.js";
import { liveState } from "./live-state.js";
import { type TrainingOptions, trainingShape } from "./options.js";
import { joinedState, type StageState } from "./stage.js";
import { type TrainingPlan, train } from "./training.js";
import { type ContinualMethod, emptyState, type RunContext } from "./types.js";
import { zeroShotClassifier } from "./zero-shot-classifier.js";

/**
 * Options of every method that trains all weights. Defaults are those of
 * docs/specification.md, sections 3.1 and 3.3.
 */
export const fullFineTuningShape = {
  ...trainingShape,
  iterations: trainingShape.iterations.meta({ source: "codyra" }),
  loss: trainingShape.loss.default("image-to-text"),
  learningRate: trainingShape.learningRate.default(1e-5),
  learningRates: z
    .record(z.string(), z.number().positive())
    .default({ aircraft: 5e-5, mnist: 5e-5 })
    .meta(code("learning rates of single datasets, by name")),
  warmup: trainingShape.warmup.describe("iterations of linear warm-up; default: a fifth, at most 100"),
  betas: trainingShape.betas.default([0.9, 0.999]),
  labelSmoothing: trainingShape.labelSmoothing.default(0.2),
} as const;

/** Fills in the warm-up, which depends on the number of iterations. */
export function withWarmup(given: Given): Given {
  const { iterations = 500 } = given;
  return typeof iterations === "number"
    ? { warmup: Math.min(100, Math.floor(iterations / 5)), ...given }
    : given;
}

export type FullFineTuningOptions = TrainingOptions & {
  readonly learningRates: Readonly<Record<string, number>>;
};

/** Additions of a method to fine-tuning on one task. */
export interface TaskTerms {
  /** The texts of an iteration, where they are more than the prompts of the task's classes. */
  texts?: TrainingPlan["texts"];
  /** Added to the loss of an iteration. */
  penalty?(iteration: number): Tensor;
  /** The part of these terms that goes from one iteration to the next. */
  readonly state?: StageState;
  /** After the optimiser's step of an iteration. */
  afterStep?(iteration: number): void;
  /** After the last iteration: what becomes of the weights. */
  finish?(): void;
  /** After that: keeps what is needed of the task. */
  keep?(): Promise<void>;
  dispose?(): void;
}

export interface FullFineTuningPlan {
  readonly name: string;
  readonly options: FullFineTuningOptions;
  /** Makes the method's additions, for each task anew. Default: none. */
  terms?(task: Task, context: RunContext): TaskTerms | Promise<TaskTerms>;
}

/**
 * Sequential fine-tuning of every weight but those of the logits, which the methods that regularise it build
 * on.
 */
export function fullFineTuning({ name, options, terms }: FullFineTuningPlan): ContinualMethod {
  const { iterations, warmup, betas, eps, weightDecay } = options;
  // The released code makes one more update, at a rate of zero, which changes nothing.
  const scheduleOf = (dataset: string) => {
    const learningRate = options.learningRates[dataset] ?? options.learningRate;
    return torch.optim.cosineSchedule({ learningRate, total: iterations, warmup });
  };
  scheduleOf(""); // a warm-up that is too long is told before data is read
  return {
    name,
    options,
    isParallel: true,
    beginTask(_task, { model }) {
      model.requiresGrad_(true);
      for (const parameter of model.logitParameters) parameter.requiresGrad = false;
    },
    async trainTask(task, context) {
      const schedule = scheduleOf(task.name);
      const added = (await torch.scope(async () => terms?.(task, context))) ?? {};
      const parameters = context.model.parameters().filter((parameter) => parameter.requiresGrad);
      const optimizer = new torch.optim.AdamW(parameters, { betas, eps, weightDecay });
      try {
        const loss = await train(task, context, {
          options,
          encoders: "both",
          parameters,
          texts: added.texts,
          penalty: added.penalty,
          state: joinedState({
            weights: liveState({ tensors: { parameters }, optimizers: [optimizer] }),
            terms: added.state,
          }),
          zeroGrad: () => optimizer.zeroGrad(),
          update(iteration) {
            optimizer.learningRate = schedule(iteration);
            optimizer.step();
            added.afterStep?.(iteration);
            return () => ({ learningRate: optimizer.learningRate });
          },
        });
        torch.noGrad(() => torch.scope(() => added.finish?.()));
        await added.keep?.();
        const trainableParameters = numel(parameters);
        return { iterations, loss, trainableParameters };
      } finally {
        optimizer.zeroGrad();
        optimizer.dispose();
        added.dispose?.();
      }
    },
    endTask(_task, { model }) {
      model.requiresGrad_(false);
    },
    classifier: zeroShotClassifier,
    state: () => emptyState,
    loadState() {},
  };
}
