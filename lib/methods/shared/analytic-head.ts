import { z } from "zod";
import { copyModel, type DualEncoder } from "../../clip/index.js";
import { type Task, TrainingBatches } from "../../data/index.js";
import { code } from "../../options/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { inParts } from "./in-parts.js";
import { trainingShape } from "./options.js";
import type { Regression } from "./ridge.js";
import { sum } from "./sums.js";
import { taskSeed } from "./training.js";
import {
  type Classifier,
  type ContinualMethod,
  emptyState,
  type LabelSpace,
  type MethodHead,
  type MethodState,
  type RunContext,
  type TrainSummary,
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
  /** Image features that the regression reads: of the model as it is now, or of the pre-trained one. */
  readonly features: "current" | "frozen";
  readonly cropScale: readonly [number, number];
}

/**
 * A closed-form head on CLIP's image features, RAIL, arXiv:2406.18868. After the base method has learned a
 * task, one pass over its images teaches the regression. At test time, where CLIP itself finds a learned
 * class most probable, the scores are `(1 − β) p + β ŷ`; elsewhere they are p. Here p are CLIP's
 * probabilities, and ŷ the regression's scores, zero for classes not learned.
 */
export class AnalyticHead implements ContinualMethod {
  readonly name: string;
  readonly options: ContinualMethod["options"];
  readonly isParallel: boolean | undefined;
  readonly replaysStatistics: boolean | undefined;
  readonly keepsWeights: boolean | undefined;
  readonly keepsImageEncoder: boolean | undefined;
  /** Absent where a frozen copy of an encoder that changes needs the pixels. */
  readonly featureClassifier: ContinualMethod["featureClassifier"];
  readonly head: MethodHead;
  readonly #plan: AnalyticHeadPlan;
  #frozen: DualEncoder | undefined;
  #regression: Regression | undefined;
  #columns: LearnedColumns = {};

  constructor(plan: AnalyticHeadPlan) {
    const { name, options, base, features } = plan;
    this.#plan = plan;
    this.name = name;
    this.options = options;
    this.isParallel = base.isParallel;
    this.replaysStatistics = base.replaysStatistics;
    this.keepsWeights = base.keepsWeights;
    this.keepsImageEncoder = base.keepsImageEncoder;
    const isCurrent = features === "current" || base.keepsImageEncoder === true;
    if (base.featureClassifier !== undefined && isCurrent) {
      this.featureClassifier = (labels, { model }) => {
        const scoresOf = this.#scoring(labels, model);
        return (given) => torch.inferenceMode(() => torch.scope(() => scoresOf(given, () => given)));
      };
    }
    this.head = {
      scores: "probabilities",
      readsPretrained: features === "frozen",
      take({ tensors, data }) {
        const taken = plan.regression(0).scoredPart({ tensors, data: partOf(data, "head") });
        return { tensors: taken.tensors, data: { head: taken.data, columns: data.columns } };
      },
      open: ({ pretrained, seed }, state) => {
        this.#begin(seed, pretrained);
        this.#loadHead(state);
      },
    };
  }

  async beginRun(context: RunContext): Promise<void> {
    this.#begin(context.seed, context.model);
    await this.#plan.base.beginRun?.(context);
  }

  beginTask(task: Task, context: RunContext): void | Promise<void> {
    return this.#plan.base.beginTask(task, context);
  }

  async trainTask(task: Task, context: RunContext): Promise<TrainSummary> {
    const summary = await this.#plan.base.trainTask(task, context);
    const { batchesPerEpoch } = this.#batchesOf(task, context).sampler;
    return { ...summary, iterations: summary.iterations + batchesPerEpoch };
  }

  async endTask(task: Task, context: RunContext): Promise<void> {
    await this.#plan.base.endTask(task, context);
    await this.#learn(task, context);
  }

  classifier(labels: LabelSpace, { model }: RunContext): Classifier {
    const scoresOf = this.#scoring(labels, model);
    return (pixels) =>
      torch.inferenceMode(() =>
        torch.scope(() => {
          const current = model.encodeImage(pixels);
          return scoresOf(current, () => this.#frozen?.encodeImage(pixels) ?? current);
        }),
      );
  }

  state(): MethodState {
    const [ofBase, ofHead] = [this.#plan.base.state(), this.#regression?.state() ?? emptyState];
    return {
      tensors: new Map([...ofBase.tensors, ...ofHead.tensors]),
      data: { base: ofBase.data, head: ofHead.data, columns: this.#columns },
    };
  }

  loadState(state: MethodState): void {
    this.#plan.base.loadState({ tensors: state.tensors, data: partOf(state.data, "base") });
    this.#loadHead(state);
  }

  stateAfter(tasks: number, { tensors, data }: MethodState): MethodState | undefined {
    const kept = Object.entries(columnsOf(data)).slice(0, tasks);
    const regression = this.#regression ?? this.#plan.regression(0);
    const head = regression.stateBefore(countClasses(kept), { tensors, data: partOf(data, "head") });
    if (head === undefined) return undefined;
    return {
      tensors: new Map([...tensors, ...head.tensors]),
      data: { ...data, head: head.data, columns: Object.fromEntries(kept) },
    };
  }

  dispose(): void {
    this.#plan.base.dispose?.();
    this.#regression?.dispose();
    this.#frozen?.dispose();
  }

  /** @param pretrained the model before any training */
  #begin(seed: number, pretrained: DualEncoder): void {
    this.#regression = this.#plan.regression(seed);
    if (this.#plan.features === "frozen") this.#frozen = copyModel(pretrained);
  }

  #loadHead({ tensors, data }: MethodState): void {
    this.#columns = columnsOf(data);
    this.#regression?.loadState({ tensors, data: partOf(data, "head") });
  }

  /** One pass over the images, with the augmentation of training. */
  async #learn(task: Task, context: RunContext): Promise<void> {
    const batches = this.#batchesOf(task, context);
    const start = countClasses(Object.entries(this.#columns));
    this.#columns = { ...this.#columns, [task.name]: [start, task.classes.length] };
    const learnBatch = (step: number): void =>
      torch.noGrad(() => {
        const { pixels, labels } = batches.at(step);
        const features = this.#featuresOf(context, pixels, labels.size(0));
        this.#regression?.learn(features, labels.add(start), start + task.classes.length);
      });
    const { batchesPerEpoch } = batches.sampler;
    await inParts(context, "features of the regression", batchesPerEpoch, learnBatch, this.#regression);
    const about = { task: context.taskIndex, dataset: task.name };
    context.log({ kind: "regression", ...about, images: task.train.length });
  }

  #batchesOf(task: Task, { model, ...context }: RunContext): TrainingBatches {
    return new TrainingBatches(task.train, {
      batchSize: 128,
      seed: taskSeed(context),
      preprocessing: model.preprocessing,
      crop: { scale: this.#plan.cropScale },
      device: model.device,
      rows: torch.distributed.ownRows,
    });
  }

  /** Unit features of the whole batch. @param pixels those of this process's own rows */
  #featuresOf(context: Pick<RunContext, "model">, pixels: Tensor, total: number): Tensor {
    const model = this.#frozen ?? context.model;
    const encode = () => torch.nn.functional.normalize(model.encodeImage(pixels));
    return torch.distributed.gatherRows(pixels.size(0) === 0 ? undefined : encode(), total, rowOf(model));
  }

  /** Scores by the features of the model as it is now, and by those that the regression reads. */
  #scoring(labels: LabelSpace, model: DualEncoder): (current: Tensor, ofRegression: () => Tensor) => Tensor {
    const logitsOf = zeroShotHead(labels, model);
    const fuse = fusion(labels, this.#columns, this.#plan.beta, model.device);
    return (current, ofRegression) => {
      const probabilities = logitsOf(current).softmax(-1);
      if (this.#regression === undefined || Object.keys(this.#columns).length === 0) return probabilities;
      return fuse(probabilities, this.#regression.scores(torch.nn.functional.normalize(ofRegression())));
    };
  }
}

function columnsOf(data: MethodState["data"]): LearnedColumns {
  return (data.columns ?? {}) as LearnedColumns;
}

/** The data of the base method or of the head within a whole state. */
function partOf(data: MethodState["data"], part: "base" | "head"): MethodState["data"] {
  return (data[part] ?? {}) as MethodState["data"];
}

function countClasses(columns: readonly (readonly [string, LearnedColumns[string]])[]): number {
  return sum(columns.map(([, [, classes]]) => classes));
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
