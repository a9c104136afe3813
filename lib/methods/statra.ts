/*
 * StatRA, statistics-replay adapters: docs/statra.md is its specification.
 *
 * Phase 1, the text encoder, on stored features v of the task's images, with earlier classes P and generic
 * words J':
 *
 *     ½ [ CE(s v·u) + L_t2i ] + ρ mean_m CE(s ṽ_m·u) + γ mean_j ‖u_j − u⁰_j‖² + ω mean_j CE(s ṽ_j·u),
 *     ṽ_m = unit(μ_k + Σ^½ ε),   ṽ_j = unit(m_I + α (u⁰_j − m_T) + r)
 *
 * Of its update, the share θ is kept.
 *
 * Phase 2, the image encoder, against the texts U of phase 1, with surrogate images x̃:
 *
 *     CE(s f(x)·U) + β mean_i ‖f(x̃_i) − f_before(x̃_i)‖²
 *
 * Phase 3, the statistics: means of earlier classes move along with the image encoder, μ ← μ + μ R; the
 * task's means and covariance join them. Both encoders learn by low-rank updates B diag(w) A, which are
 * merged: after each task the model is an ordinary CLIP. The first text encoder may go on reading the names
 * of classes that were never learned.
 */

import { z } from "zod";
import type { Task } from "../data/index.js";
import * as lora from "../lora/index.js";
import type { Given } from "../options/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import { adapterShape } from "./lora.js";
import { type AdapterTraining, countTrainable, mergeAdapters, trainAdapters } from "./shared/adapters.js";
import { adapterSize, bytesPerValue, trainingCopies } from "./shared/cost.js";
import { CropFeatures } from "./shared/crop-features.js";
import { defineMethod } from "./shared/definition.js";
import { FeatureProbe, surrogateCount } from "./shared/feature-probe.js";
import { type TrainingOptions, trainingShape } from "./shared/options.js";
import { replayClassifiers } from "./shared/replay-classifiers.js";
import { replayShape, StatisticsReplay } from "./shared/statistics-replay.js";
import type { TaskReplay } from "./shared/task-replay.js";
import { taskSeed } from "./shared/training.js";
import type { RunContext, TrainSummary } from "./shared/types.js";

const { encoders: _encoders, loss: _loss, negatives: _negatives, cudaGraph: _graph, ...shape } = adapterShape; // the recipe's

const schema = z.strictObject({
  ...shape,
  learningRate: trainingShape.learningRate
    .default(1e-3)
    .describe("highest learning rate of the text encoder"),
  imageLearningRate: trainingShape.learningRate.describe("highest learning rate of the image encoder"),
  textScale: z
    .number()
    .positive()
    .max(1)
    .default(1)
    .describe("share θ of the text encoder's update that is kept, before the image encoder learns"),
  imageIterations: z
    .int()
    .nonnegative()
    .describe("iterations of the image encoder, after those of the text encoder; default: half of them"),
  crops: z
    .int()
    .positive()
    .default(4)
    .describe("random crops of each image that the text encoder learns from"),
  distillationWeight: z
    .number()
    .nonnegative()
    .default(30)
    .describe("weight β of how far features of surrogate images move"),
  surrogates: z.int().positive().default(32).describe("surrogate images per iteration"),
  wordImageWeight: z
    .number()
    .nonnegative()
    .default(0)
    .describe("weight ω of generic words as images, which no learned class should claim"),
  ...replayShape,
});

const statraSchema = schema.refine(
  ({ warmup, iterations, imageIterations }) =>
    warmup < iterations && (warmup < imageIterations || imageIterations === 0),
  { path: ["warmup"], message: "expected fewer than the iterations of each encoder" },
);

type Options = z.infer<typeof statraSchema>;

export const statra = defineMethod({
  name: "statra",
  label: "StatRA",
  summary: "adapters of the text, then of the image encoder, with statistics of earlier classes replayed",
  schema: statraSchema,
  source: "codyra",
  complete: withImageIterations,
  create(options, protocol) {
    const replay = new StatisticsReplay(options, protocol);
    let current: TaskTraining | undefined;
    return {
      name: "statra",
      options,
      isParallel: true,
      replaysStatistics: true,
      beginRun: (context) => replay.beginRun(context),
      beginTask(task, context) {
        context.model.requiresGrad_(false);
        current = new TaskTraining(options, replay, task, context);
      },
      async trainTask() {
        const training = current as TaskTraining;
        try {
          return await training.train();
        } catch (error) {
          training.abandon();
          current = undefined;
          throw error;
        }
      },
      endTask() {
        const training = current as TaskTraining;
        current = undefined;
        training.finish();
      },
      ...replayClassifiers(replay),
      keepsImageEncoder: options.imageIterations === 0,
      state: () => replay.state(),
      loadState: (state) => replay.loadState(state),
      dispose: () => replay.dispose(),
    };
  },
  cost(model, { classes }) {
    const { wordCount } = statraSchema.parse({ imageIterations: 0 });
    const { embedDim, vision } = model.config;
    const [text, image] = (["text", "vision"] as const).map((encoders) => {
      const { factors, importance } = adapterSize(model, { encoders });
      return factors + importance;
    }) as [number, number];
    const stored = (classes + embedDim + wordCount) * embedDim;
    const surrogates = surrogateCount * (3 * vision.imageSize ** 2 + bytesPerValue * embedDim); // bytes, with features
    return {
      trainable: Math.max(text, image),
      inference: 0,
      stored,
      trainingBytes: bytesPerValue * ((1 + trainingCopies) * image + 2 * text + stored) + surrogates,
      explanation:
        "The adapters of one encoder at a time. Stored, only to learn further tasks: a mean per class, a covariance, and the features of generic " +
        "words. With unlearnedTexts=first, inference keeps the blocks of the first text encoder as well. Training: with surrogate images, and with the other encoder's adapters and their gradients.",
    };
  },
});

function withImageIterations(given: Given): Given {
  const { iterations = 500 } = given;
  return typeof iterations === "number" ? { imageIterations: Math.floor(iterations / 2), ...given } : given;
}

/** The three phases of one task. Until `finish`, the model's weights are those before the task. */
class TaskTraining {
  readonly #adapters: lora.LoraModel[] = [];
  readonly #generator: torch.Generator;
  /** Unit features of one crop of each training image, as the trained model has them, `[n, D]`. */
  #features: Tensor | undefined;
  /** Unit features of images before and after phase 2, `[m, D]`. */
  #drift: { readonly before: Tensor; readonly after: Tensor } | undefined;

  constructor(
    readonly options: Options,
    readonly replay: StatisticsReplay,
    readonly task: Task,
    readonly context: RunContext,
  ) {
    this.#generator = torch.generator(taskSeed(context));
  }

  async train(): Promise<TrainSummary> {
    const { iterations, imageIterations } = this.options;
    using texts = this.replay.prepare(this.task, this.context);
    let loss = await this.#trainText(texts);
    if (imageIterations > 0) loss = await this.#trainImages(texts);
    return {
      iterations: iterations + imageIterations,
      loss,
      trainableParameters: Math.max(...this.#adapters.map(countTrainable)), // never both at a time
    };
  }

  /** Merges the adapters, and keeps the task's statistics: phase 3. */
  finish(): void {
    const { task, context, replay } = this;
    try {
      mergeAdapters(task, context, this.#adapters.splice(0).reverse()); // the image encoder's come first in a model
      replay.keep(task, context, this.#features as Tensor, this.#drift);
    } finally {
      this.#release();
    }
  }

  /** Leaves the model as it was before the task. */
  abandon(): void {
    for (const adapters of this.#adapters) adapters.remove();
    this.#release();
  }

  /** Phase 1. */
  async #trainText(texts: TaskReplay): Promise<number> {
    const { task, context, options } = this;
    const { iterations, imageIterations, batchSize, wordImageWeight, textScale } = options;
    using crops = await CropFeatures.encode(task, context, options);
    if (wordImageWeight > 0) texts.addWordImages(crops.features, crops.labels, wordImageWeight);
    if (imageIterations === 0) this.#features = torch.scope(() => crops.features.select(0, 0).clone()).keep();
    const loss = await this.#trainEncoder("text", {
      learningRate: options.learningRate,
      loss: "symmetric",
      iterations,
      plan: {
        features: crops.batches(batchSize, taskSeed(context)),
        texts: (iteration) => texts.at(iteration),
        phase: { start: 0, total: iterations + imageIterations },
      },
      state: texts.state,
    });
    if (textScale < 1) this.#scaleUpdate(textScale);
    return loss;
  }

  /** Phase 2. */
  async #trainImages(texts: TaskReplay): Promise<number> {
    const { task, context, options } = this;
    const { iterations, imageIterations, distillationWeight: beta } = options;
    using probe = await FeatureProbe.prepare(task, context, options.cropScale);
    using learned = texts.all();
    const loss = await this.#trainEncoder("vision", {
      learningRate: options.imageLearningRate,
      loss: "image-to-text",
      iterations: imageIterations,
      plan: {
        texts: () => learned,
        penalty:
          beta > 0
            ? (iteration) => probe.distance(context, iteration, options.surrogates).mul(beta)
            : undefined,
        phase: { start: iterations, total: iterations + imageIterations },
      },
    });
    const after = await probe.after(context);
    this.#drift = { before: torch.unscoped(() => probe.before.clone()), after };
    this.#features = torch.scope(() => probe.ownRows(after).clone()).keep();
    return loss;
  }

  /** W₀ + θ B diag(w) A in place of W₀ + B diag(w) A, in the encoder that was trained last. */
  #scaleUpdate(share: number): void {
    const adapters = this.#adapters.at(-1) as lora.LoraModel;
    torch.noGrad(() => torch.scope(() => adapters.importance.mul_(share)));
    adapters.releaseEffectiveWeights();
  }

  async #trainEncoder(
    encoder: "vision" | "text",
    {
      plan,
      state,
      ...overrides
    }: Pick<TrainingOptions, "learningRate" | "loss" | "iterations"> &
      Pick<AdapterTraining, "plan" | "state">,
  ): Promise<number> {
    const { rank, targets, betas, eps, weightDecay } = this.options;
    const config = { rank, targets, encoders: encoder, importance: "ones" } as const;
    const adapters = lora.inject(this.context.model, config, this.#generator);
    this.#adapters.push(adapters);
    const options = { ...this.options, ...overrides, negatives: "current", cudaGraph: false } as const;
    const { learningRate, iterations: total } = overrides;
    const { warmup } = this.options;
    return await trainAdapters(this.task, this.context, {
      adapters,
      options,
      optimizer: { optimizer: "adamw", betas, eps, weightDecay, threshold: "exact" },
      schedule: torch.optim.cosineSchedule({ learningRate, total, warmup }),
      plan,
      state,
    });
  }

  #release(): void {
    for (const tensor of [this.#features, this.#drift?.before, this.#drift?.after]) tensor?.dispose();
    this.#features = undefined;
    this.#drift = undefined;
  }
}
