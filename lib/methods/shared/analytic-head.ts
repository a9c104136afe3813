import { z } from "zod";
import { copyModel, type DualEncoder } from "../../clip/index.js";
import { type Task, TrainingBatches } from "../../data/index.js";
import { code } from "../../options/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { inParts } from "./in-parts.js";
import { trainingShape } from "./options.js";
import type { Regression } from "./ridge.js";
import { taskSeed } from "./training.js";
import {
  type ContinualMethod,
  emptyState,
  type LabelSpace,
  type MethodState,
  type RunContext,
} from "./types.js";
import { rowOf } from "./unit-features.js";
import { zeroShotHead } from "./zero-shot-classifier.js";

/** Options of the combinations with CoDyRA. */
export const featuresShape = {
  features: z
    .enum(["current", "frozen"])
    .default("current")
    .describe("image features that the regression reads: of the updated model, or of the pre-trained one"),
} as const;

/** Options of both analytic heads. */
export const headShape = {
  beta: z.number().min(0).max(1).default(0.8).meta(code("share of the regression where it may speak")),
  cropScale: trainingShape.cropScale,
} as const;

/** Columns of a learned dataset's classes among the regression's. */
export type LearnedColumns = Readonly<Record<string, readonly [start: number, classes: number]>>;

export interface AnalyticHeadPlan {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Trains the model that the head reads; `zeroShot` leaves it as it is. */
  readonly base: ContinualMethod;
  /** One that has learned nothing. */
  regression(seed: number): Regression;
  /** β: the regression's share where it may speak. */
  readonly beta: number;
  /**
   * Whose image features the regression reads: those of the model as it is now, or of the pre-trained one.
   */
  readonly features: "current" | "frozen";
  readonly cropScale: readonly [number, number];
}

/**
 * A closed-form head on CLIP's image features, RAIL, arXiv:2406.18868. After the base method has learned a
 * task, one pass over its images teaches the regression. At test time, where CLIP itself finds a learned
 * class most probable, the scores are `(1 − β) p + β ŷ`, with CLIP's probabilities p and the regression's ŷ,
 * zero for classes not learned; elsewhere they are p.
 */
export function analyticHead(plan: AnalyticHeadPlan): ContinualMethod {
  const { base } = plan;
  let frozen: DualEncoder | undefined;
  let regression: Regression | undefined;
  let columns: LearnedColumns = {};

  /** Of the whole batch. @param pixels of this process's own rows */
  const featuresOf = (context: Pick<RunContext, "model">, pixels: Tensor, total: number): Tensor => {
    const model = frozen ?? context.model;
    const encode = () => torch.nn.functional.normalize(model.encodeImage(pixels));
    return torch.distributed.gatherRows(pixels.size(0) === 0 ? undefined : encode(), total, rowOf(model));
  };

  /**
   * Scores by what the model as it is now makes of images, and by what the regression's model makes of them.
   */
  function scoring(
    labels: LabelSpace,
    model: DualEncoder,
  ): (current: Tensor, ofRegression: () => Tensor) => Tensor {
    const logitsOf = zeroShotHead(labels, model);
    const fuse = fusion(labels, columns, plan.beta, model.device);
    return (current, ofRegression) => {
      const probabilities = logitsOf(current).softmax(-1);
      if (regression === undefined || Object.keys(columns).length === 0) return probabilities;
      return fuse(probabilities, regression.scores(torch.nn.functional.normalize(ofRegression())));
    };
  }

  function batchesOf(task: Task, context: RunContext): TrainingBatches {
    return new TrainingBatches(task.train, {
      batchSize: 128,
      seed: taskSeed(context),
      preprocessing: context.model.preprocessing,
      crop: { scale: plan.cropScale },
      device: context.model.device,
      rows: torch.distributed.ownRows,
    });
  }

  /** One pass over the images, with the augmentation of training. */
  async function learn(task: Task, context: RunContext): Promise<void> {
    const batches = batchesOf(task, context);
    const start = Object.values(columns).reduce((count, [, classes]) => count + classes, 0);
    columns = { ...columns, [task.name]: [start, task.classes.length] };
    const { batchesPerEpoch } = batches.sampler;
    const learnBatch = (step: number): void =>
      torch.noGrad(() => {
        const { pixels, labels } = batches.at(step);
        const features = featuresOf(context, pixels, labels.size(0));
        regression?.learn(features, labels.add(start), start + task.classes.length);
      });
    await inParts(context, "features of the regression", batchesPerEpoch, learnBatch, regression);
    context.log({
      kind: "regression",
      task: context.taskIndex,
      dataset: task.name,
      images: task.train.length,
    });
  }

  // A frozen copy of an encoder that changes needs the pixels.
  const isCurrent = plan.features === "current" || base.keepsImageEncoder === true;
  const readsFeatures = base.featureClassifier !== undefined && isCurrent;

  return {
    name: plan.name,
    options: plan.options,
    async beginRun(context) {
      regression = plan.regression(context.seed);
      if (plan.features === "frozen") frozen = copyModel(context.model);
      await base.beginRun?.(context);
    },
    beginTask: (task, context) => base.beginTask(task, context),
    async trainTask(task, context) {
      const summary = await base.trainTask(task, context);
      return {
        ...summary,
        iterations: summary.iterations + batchesOf(task, context).sampler.batchesPerEpoch,
      };
    },
    async endTask(task, context) {
      await base.endTask(task, context);
      await learn(task, context);
    },
    classifier(labels, context) {
      const { model } = context;
      const scoresOf = scoring(labels, model);
      return (pixels) =>
        torch.inferenceMode(() =>
          torch.scope(() => {
            const current = model.encodeImage(pixels);
            return scoresOf(current, () => frozen?.encodeImage(pixels) ?? current);
          }),
        );
    },
    featureClassifier: readsFeatures
      ? (labels, { model }) => {
          const scoresOf = scoring(labels, model);
          return (features) =>
            torch.inferenceMode(() => torch.scope(() => scoresOf(features, () => features)));
        }
      : undefined,
    state(): MethodState {
      const [ofBase, ofHead] = [base.state(), regression?.state() ?? emptyState];
      return {
        tensors: new Map([...ofBase.tensors, ...ofHead.tensors]),
        data: { base: ofBase.data, head: ofHead.data, columns },
      };
    },
    loadState({ tensors, data }) {
      columns = (data.columns ?? {}) as LearnedColumns;
      base.loadState({ tensors, data: (data.base ?? {}) as MethodState["data"] });
      regression?.loadState({ tensors, data: (data.head ?? {}) as MethodState["data"] });
    },
    isParallel: base.isParallel,
    keepsWeights: base.keepsWeights,
    keepsImageEncoder: base.keepsImageEncoder,
    stateAfter(tasks, { tensors, data }) {
      const kept = Object.entries((data.columns ?? {}) as LearnedColumns).slice(0, tasks);
      const classes = kept.reduce((count, [, [, own]]) => count + own, 0);
      const later = { tensors, data: (data.head ?? {}) as MethodState["data"] };
      const head = (regression ?? plan.regression(0)).stateBefore(classes, later);
      if (head === undefined) return undefined;
      return {
        tensors: new Map([...tensors, ...head.tensors]),
        data: { ...data, head: head.data, columns: Object.fromEntries(kept) },
      };
    },
    head: {
      scores: "probabilities",
      readsPretrained: plan.features === "frozen",
      take({ tensors, data }) {
        const learned = { tensors, data: (data.head ?? {}) as MethodState["data"] };
        const taken = plan.regression(0).scoredPart(learned);
        return { tensors: taken.tensors, data: { head: taken.data, columns: data.columns } };
      },
      open({ pretrained, seed }, { tensors, data }) {
        regression = plan.regression(seed);
        if (plan.features === "frozen") frozen = copyModel(pretrained);
        columns = (data.columns ?? {}) as LearnedColumns;
        regression.loadState({ tensors, data: (data.head ?? {}) as MethodState["data"] });
      },
    },
    dispose() {
      base.dispose?.();
      regression?.dispose();
      frozen?.dispose();
    },
  };
}

/**
 * Mixes the regression in where CLIP's best guess is a learned class. docs/specification.md,
 * section 5.3.
 */
export function fusion(
  { groups }: LabelSpace,
  columns: LearnedColumns,
  beta: number,
  device: torch.Device,
): (probabilities: Tensor, scores: Tensor) => Tensor {
  // The regression's column of every class of the label space; −1 for a class that was not learned.
  const positions = groups.flatMap(({ name, classes }) => {
    const start = columns[name]?.[0];
    return classes.map((_, i) => (start === undefined ? -1 : start + i));
  });
  const column = torch.tensor(positions, { dtype: "int64", device });
  const isLearned = column.ge(0); // [classes]
  return (probabilities, scores) => {
    const aligned = scores.indexSelect(1, column.clamp(0)).mul(isLearned); // [B, classes]
    const speaks = isLearned.indexSelect(0, probabilities.argmax(1)).unsqueeze(1); // [B, 1]
    return torch.where(speaks, probabilities.mul(1 - beta).add(aligned.mul(beta)), probabilities);
  };
}
