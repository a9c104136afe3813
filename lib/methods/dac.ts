/*
 * DAC, a pool of rank-one experts in a single LoRA, arXiv:2601.22828; original code: Fazhan-cs/DAC (mtil).
 *
 *     W ← W + σ B_K A_K,   L = L_sup + λ L_orth,   σ = α / r
 *     L_orth = Σ |B_curᵀ B_past|, averaged over matrices
 *
 * after each task, with the K experts of r that the batches voted for most. `ExpertPool` has the votes,
 * `inBatchLoss` the supervised loss. B_cur are the K most used columns of B so far, B_past those of earlier
 * tasks side by side: what is new should point elsewhere.
 *
 * The publications leave some things open. Here they are so:
 * - `preset: paper` takes what the text says of L_orth: the mean over pairs of columns, and of earlier tasks
 *   only the K columns that were merged. With the same λ that is far weaker than the code's sum. The default
 *   is the code, because the published numbers are its.
 * - Equal votes: the expert with the lower index goes first. q, k and v share a dropout mask.
 * - The votes of a step count before its L_orth chooses columns.
 * - A task with fewer images than a batch has batches of all its images.
 * - Known tasks, the second half of the published table, have no code. With `knownTasks` an image of a
 *   learned dataset gets the weights right after that dataset's task, and every other one the latest.
 */

import { z } from "zod";
import type { Task } from "../data/index.js";
import { applyUpdates, measureUpdates } from "../lora/index.js";
import { code, type Given, paper, paperOrCode } from "../options/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import { begun } from "./shared/begun.js";
import { checkFinite } from "./shared/check-finite.js";
import { bytesPerValue, trainingCopies } from "./shared/cost.js";
import { defineMethod } from "./shared/definition.js";
import { ExpertPool } from "./shared/expert-pool.js";
import { liveState } from "./shared/live-state.js";
import { inBatchLoss } from "./shared/losses.js";
import { trainingSchema, trainingShape } from "./shared/options.js";
import { sum } from "./shared/sums.js";
import { TaskModels } from "./shared/task-models.js";
import { taskSeed, train } from "./shared/training.js";
import { trainingPrompts } from "./shared/training-prompts.js";
import type {
  Classifier,
  ContinualMethod,
  LabelSpace,
  MethodHead,
  MethodState,
  RunContext,
} from "./shared/types.js";
import { zeroShotClassifier, zeroShotFeatureClassifier } from "./shared/zero-shot-classifier.js";

// The presets differ where the paper and its code do: docs/specification.md, section 7.
const presets = {
  paper: { overlap: "mean", past: "merged" },
  released: { overlap: "sum", past: "all" },
} as const;

const schema = z
  .strictObject({
    preset: z.enum(["paper", "released"]).describe("defaults of overlap and past"),
    iterations: trainingShape.iterations.default(501).meta({ source: "code" }),
    batchSize: trainingShape.batchSize.default(32),
    learningRate: trainingShape.learningRate.default(2e-3).describe("first learning rate"),
    minLearningRate: z
      .number()
      .nonnegative()
      .default(1e-6)
      .meta(code("learning rate of the last iteration, where the cosine ends")),
    learningRates: z
      .record(z.string(), z.number().positive())
      .default({})
      .meta(code("learning rates of single datasets, by name")),
    betas: trainingShape.betas.default([0.9, 0.999]),
    eps: trainingShape.eps,
    weightDecay: trainingShape.weightDecay.default(0.01),
    cropScale: trainingShape.cropScale,
    crops: z
      .enum(["fixed", "fresh"])
      .default("fixed")
      .meta(code("crop of an image: the same whenever it comes, as published, or a fresh one")),
    rank: z.int().positive().default(12).meta(code("rank-one experts of every matrix")),
    alpha: z.number().positive().default(1).meta(code("updates are multiplied by alpha over rank")),
    topTrain: z.int().positive().default(8).meta(paper("experts that take part in an iteration")),
    topMerge: z
      .int()
      .positive()
      .default(4)
      .meta(paper("experts that become part of the weights after a task")),
    dropout: z.number().min(0).lt(1).default(0.2).meta(code("dropout of the experts' input")),
    lambda: z.number().nonnegative().default(0.1).meta(code("weight of the overlap with earlier tasks")),
    overlap: z
      .enum(["sum", "mean"])
      .meta(paperOrCode("sum or mean of the products of new and earlier columns of a matrix")),
    past: z.enum(["all", "merged"]).meta(paperOrCode("columns of earlier tasks that count")),
    router: z
      .enum(["fixed", "gate", "straight-through"])
      .default("fixed")
      .meta(
        paperOrCode(
          "choice of experts: by a router that stays as it is drawn; the other two train it, and are experiments",
        ),
      ),
    knownTasks: z
      .boolean()
      .default(false)
      .meta(
        paper(
          "images of a learned dataset get the weights right after its task: mtil, which tells the dataset",
        ),
      ),
    checkpointing: trainingShape.checkpointing,
    logEvery: trainingShape.logEvery,
  })
  .refine(({ rank, topTrain, topMerge }) => Math.max(topTrain, topMerge) <= rank, {
    error: ({ input }) => {
      const { rank, topTrain, topMerge } = input as { rank: number; topTrain: number; topMerge: number };
      return `expected topTrain and topMerge of no more than the rank ${rank}, got ${topTrain} and ${topMerge}. Set them beside the rank`;
    },
    path: ["topTrain"],
  });

type DacOptions = z.infer<typeof schema>;

export const dac = defineMethod({
  name: "dac",
  label: "DAC",
  summary:
    "a pool of rank-one experts per matrix; batches vote for those that learn, the most used are merged",
  schema,
  complete: withPreset,
  create(options, protocol) {
    if (options.knownTasks && protocol !== "mtil") {
      throw new Error(
        "dac: knownTasks classifies with the weights of an image's dataset, which X-TAIL does not tell. " +
          "Expected the protocol mtil, or knownTasks false.",
      );
    }
    return new Dac(options);
  },
  cost(model, { tasks }) {
    const options = schema.parse(withPreset({}));
    const pool = new ExpertPool(model, options, torch.generator(0), torch.generator(0));
    const { experts, routers } = pool.size;
    const columns = sum(pool.groups.map(({ loraB }) => loraB.numel()));
    pool.dispose();
    return {
      trainable: experts,
      inference: 0,
      stored: 0,
      trainingBytes: bytesPerValue * ((1 + trainingCopies) * experts + routers + (tasks - 1) * columns),
      explanation:
        `Twelve rank-one experts for six matrices of every block; with their routers, which stay as they are drawn, ${(experts + routers).toLocaleString("en-US")} parameters, ` +
        "as published. Training: with B of all earlier tasks.",
    };
  },
});

function withPreset(given: Given): Given {
  const preset = presets[given.preset === "paper" ? "paper" : "released"];
  return { preset: "released", ...preset, ...given };
}

class Dac implements ContinualMethod {
  readonly name = "dac";
  readonly needsClassToken = true;
  #pool: ExpertPool | undefined;
  #past: Tensor[] = []; // by group of the pool, [modules, outFeatures, columns of earlier tasks]

  readonly #models: TaskModels | undefined; // of known tasks

  constructor(readonly options: DacOptions) {
    if (options.knownTasks) this.#models = new TaskModels();
  }

  beginRun({ model }: RunContext): void {
    this.#models?.begin(model);
  }

  beginTask(_task: Task, context: RunContext): void {
    const { model } = context;
    const seed = taskSeed(context);
    model.requiresGrad_(false);
    const noise = torch.generator(seed, model.device);
    this.#pool = new ExpertPool(model, this.options, torch.generator(seed), noise);
  }

  async trainTask(task: Task, context: RunContext) {
    const { options } = this;
    const { iterations, learningRate, learningRates, minLearningRate, betas, eps, weightDecay, crops } =
      options;
    const { model } = context;
    const pool = begun(this.#pool, "dac");
    const schedule = torch.optim.cosineSchedule({
      learningRate: learningRates[task.name] ?? learningRate,
      total: Math.max(1, iterations - 1), // the last iteration is at the end of the cosine
      minimum: minLearningRate,
    });
    const optimizer = new torch.optim.AdamW([pool.parameters], { betas, eps, weightDecay });
    const [ids, scale, overlap] = torch.scope(() => [
      trainingPrompts(model, [task]).ids.keep(),
      torch.noGrad(() => model.logitScale.exp()).keep(),
      torch.zeros([], { device: model.device }).keep(),
    ]) as [Tensor, Tensor, Tensor];
    const { normalize } = torch.nn.functional;
    try {
      const loss = await train(task, context, {
        options: { ...trainingSchema.parse({}), ...options },
        encoders: "both",
        crops,
        dropLast: true,
        generator: pool.noise,
        parameters: [pool.parameters],
        state: liveState({
          tensors: { parameters: pool.parameters, counts: pool.counts },
          optimizers: [optimizer],
        }),
        loss: (pixels, labels) => {
          const images = normalize(model.encodeImage(pixels));
          const texts = normalize(model.encodeText(ids.indexSelect(0, labels))); // one for each image
          pool.count();
          const supervised = inBatchLoss(images, texts, labels, scale);
          if (this.#past.length === 0) return supervised;
          const orthogonality = columnOverlap(pool.topColumns(options.topMerge), this.#past, options.overlap);
          overlap.copy_(orthogonality.detach());
          return supervised.add(orthogonality.mul(options.lambda));
        },
        zeroGrad: () => pool.zeroGrad(),
        update: (iteration) => {
          optimizer.learningRate = schedule(iteration);
          optimizer.step();
          return () => ({ learningRate: optimizer.learningRate, overlap: overlap.item() });
        },
      });
      return { iterations, loss, trainableParameters: pool.parameters.numel() };
    } catch (error) {
      this.#removePool(); // the model is as it was before the task
      throw error;
    } finally {
      optimizer.dispose();
      for (const tensor of [ids, scale, overlap]) tensor.dispose();
    }
  }

  endTask(task: Task, context: RunContext): void {
    const pool = begun(this.#pool, "dac");
    const { rank, topMerge, past } = this.options;
    checkFinite(pool.parameters, task, () => this.#removePool());
    torch.scope(() => {
      const updates = pool.updates(topMerge);
      const changes = measureUpdates(context.model, updates, pool.modules);
      const columns = torch.noGrad(() =>
        pool.topColumns(past === "all" ? rank : topMerge).map((learned, group) => {
          const earlier = this.#past[group];
          return (earlier === undefined ? learned.clone() : torch.cat([earlier, learned], 2)).keep();
        }),
      );
      this.#setPast(columns);
      this.#removePool();
      applyUpdates(context.model, updates);
      this.#models?.learn(task.name, updates);
      context.record({ rank, modules: changes, active: changes.map(() => topMerge), updates });
    });
  }

  classifier(labels: LabelSpace, context: RunContext): Classifier {
    return zeroShotClassifier(labels, { model: this.#models?.of(labels) ?? context.model });
  }

  /** None of known tasks: their images pass through more than one encoder. */
  get featureClassifier(): ContinualMethod["featureClassifier"] {
    return this.#models === undefined ? zeroShotFeatureClassifier : undefined;
  }

  state(): MethodState {
    const learned = this.#models?.state();
    const past = this.#past.map((columns, group) => [`past.${group}`, columns] as const);
    return {
      tensors: new Map([...past, ...(learned?.tensors ?? [])]),
      data: { groups: this.#past.length, ...learned?.data },
    };
  }

  loadState(state: MethodState): void {
    const { tensors, data } = state;
    this.#models?.loadState(state);
    const groups = (data.groups as number | undefined) ?? 0;
    const saved = Array.from({ length: groups }, (_, group) => tensors.get(`past.${group}`) as Tensor);
    this.#setPast(torch.unscoped(() => saved.map((columns) => columns.clone())));
  }

  get stateAfter(): ContinualMethod["stateAfter"] {
    if (this.#models === undefined) return undefined; // the weights say everything
    return (tasks, { tensors, data }) => ({
      tensors,
      data: { ...data, tasks: (data.tasks as string[]).slice(0, tasks) },
    });
  }

  get head(): MethodHead | undefined {
    const models = this.#models;
    if (models === undefined) return undefined;
    return {
      scores: "logits",
      readsPretrained: true,
      take({ tensors, data: { tasks } }) {
        const taken = Array.from(tensors).filter(([name]) => name.startsWith("update."));
        return { tensors: new Map(taken), data: { tasks } };
      },
      open({ pretrained }, taken) {
        models.begin(pretrained);
        models.loadState(taken);
      },
    };
  }

  dispose(): void {
    this.#removePool();
    this.#setPast([]);
    this.#models?.dispose();
  }

  #removePool(): void {
    this.#pool?.dispose();
    this.#pool = undefined;
  }

  #setPast(columns: Tensor[]): void {
    for (const before of this.#past) before.dispose();
    this.#past = columns;
  }
}

/**
 * How much new columns of B point where earlier ones do: `Σ |B_curᵀ B_past|` or the mean of it over pairs,
 * averaged over matrices.
 * @param current by group of matrices, `[modules, outFeatures, k]`
 * @param past the same, `[modules, outFeatures, p]`
 */
export function columnOverlap(
  current: readonly Tensor[],
  past: readonly Tensor[],
  overlap: "sum" | "mean",
): Tensor {
  const products = current.map((columns, group) =>
    columns
      .transpose(1, 2)
      .matmul(past[group] as Tensor)
      .abs(),
  );
  const matrices = sum(products.map((each) => each.size(0)));
  const [, k, p] = (products[0] as Tensor).shape as [number, number, number];
  const total = torch.stack(products.map((each) => each.sum())).sum();
  return total.div(overlap === "sum" ? matrices : matrices * k * p);
}
