/*
 * KeepLoRA, "Continual Learning with Residual Gradient Adaptation", arXiv:2601.19659, and KeepLoRA++,
 * arXiv:2606.16256; original code: MaolinLuo/KeepLoRA (v1: folder MTIL; v2: model/peft_modules.py).
 *
 *     Ĝ = G − U Uᵀ G = P Σ Qᵀ,   A = P_r,   B₀ = Σ_r Q_rᵀ,   W ← W + σ ℓ A (B − B₀)
 *     for layers y = x W with rows x
 *
 * for the matrices of the attention in both encoders. U holds the main directions of the pre-trained weights
 * and of the layer's inputs in earlier tasks. G is the gradient of the task's loss before it is learned. A
 * stays as it is and is orthogonal to U: an input inside U gets the output that it had. Variants: `v1`; `pp`
 * (KeepLoRA++: B₀ = 0, layer scale ℓ rising along the blocks); `plus` and `pp-cls`, the two with a cosine
 * head per task,
 *
 *     logits = s ⟨z, u_c⟩ + 30 ⟨z, w_c / ‖w_c‖⟩
 *
 * for images of a dataset that was learned, whose name must be known at test time. Each starts at the class
 * means, learns with B and then stays.
 *
 * The publications leave some things open. Here they are so:
 * - W − σ A B₀ is never written: `ResidualAdapters` trains B − B₀, the same function. So v1 and ++ without
 *   layer scale differ in what weight decay pulls towards, B₀ or nothing, and are equal without it.
 * - Without epochs given, a task has 500 iterations: few-shot and X-TAIL runs of this method are nobody
 *   else's.
 * - ++ scales the text encoder's layers from `textLayerScale` to 1 as it does the image encoder's from
 *   `gamma`; its default of 1 is no scale.
 * - In their last blocks the encoders compute the output projection for what they read out alone: so only
 *   that is protected there.
 * - Padding, which `textPositions: all` counts, is the tokenizer's own; OpenAI's code pads with zeros.
 */

import { z } from "zod";
import type { DualEncoder } from "../clip/index.js";
import type { Task } from "../data/index.js";
import { applyUpdates, measureUpdates } from "../lora/index.js";
import { code, paper, paperOrCode } from "../options/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import { begun } from "./shared/begun.js";
import { checkFinite } from "./shared/check-finite.js";
import { bytesPerValue, numel, trainingCopies } from "./shared/cost.js";
import { DatasetHeads } from "./shared/dataset-heads.js";
import { defineMethod } from "./shared/definition.js";
import { attentionLayers } from "./shared/layer-inputs.js";
import { liveState } from "./shared/live-state.js";
import { withPrefix } from "./shared/named-tensors.js";
import { trainingShape } from "./shared/options.js";
import { disposeFactors, ProtectedInputs } from "./shared/protected-inputs.js";
import { ResidualAdapters } from "./shared/residual-adapters.js";
import type { Factors } from "./shared/subspace.js";
import { sum } from "./shared/sums.js";
import { taskGradient } from "./shared/task-gradient.js";
import { taskSeed, train } from "./shared/training.js";
import type {
  Classifier,
  ContinualMethod,
  LabelSpace,
  MethodHead,
  MethodState,
  RunContext,
} from "./shared/types.js";
import { zeroShotHead } from "./shared/zero-shot-classifier.js";

// The presets differ where the paper and its code do: docs/specification.md, section 6.
const presets = {
  paper: {
    weightSide: "input",
    weightShare: "at-least",
    features: "tokens",
    gradient: "exact",
    svd: "exact",
    textPositions: "words",
    testTemplates: "all",
  },
  released: {
    weightSide: "output",
    weightShare: "below",
    features: "slot-mean",
    gradient: "autocast",
    svd: "randomised",
    textPositions: "all",
    testTemplates: "first",
  },
} as const;

const share = z.number().min(0).max(1);

const schema = z.strictObject({
  preset: z.enum(["paper", "released"]).describe("defaults of the options from weightSide to testTemplates"),
  variant: z
    .enum(["v1", "plus", "pp", "pp-cls"])
    .default("v1")
    .meta(paper("KeepLoRA; KeepLoRA+, with a head per task; KeepLoRA++; and that with heads")),
  ...trainingShape,
  iterations: trainingShape.iterations.meta({ source: "codyra" }),
  loss: trainingShape.loss.default("image-to-text").meta({ source: "code" }),
  learningRate: trainingShape.learningRate.default(1e-3).describe("highest learning rate"),
  betas: trainingShape.betas
    .default([0.9, 0.999])
    .describe("decay rates of AdamW's moments; onecycle moves the first one between 0.95 and 0.85"),
  weightDecay: trainingShape.weightDecay.default(0.01),
  epochs: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .meta(code("passes over the images of a task; null takes as many iterations as given")),
  datasetEpochs: z
    .record(z.string(), z.int().positive())
    .default({})
    .meta(code("passes over the images of single datasets, by name")),
  schedule: z
    .enum(["onecycle", "cosine"])
    .default("onecycle")
    .meta(code("up for 30 % of the iterations and down again, with beta1 the other way round; or down")),
  crops: z
    .enum(["center", "fresh"])
    .default("center")
    .meta(code("training images: their middle, as in tests and as published, or random crops")),
  rank: z.int().positive().default(16).meta(code("rank of every update")),
  alpha: z.number().positive().default(1).meta(code("updates are multiplied by alpha over rank")),
  epsW: z
    .strictObject({
      vision: share.default(0.85).meta(code("share in the image encoder")),
      text: share.default(0.2).meta(code("share in the text encoder")),
    })
    .prefault({})
    .meta(code("share of the pre-trained weights' energy that is protected, in both encoders")),
  epsF: share.default(0.99).meta(code("share of the energy of earlier tasks' features that is protected")),
  gamma: share.default(0.2).meta(code("layer scale of the first block of the image encoder, in ++")),
  textLayerScale: share.default(1).describe("layer scale of the first block of the text encoder, in ++"),
  weightSide: z
    .enum(["input", "output"])
    .meta(
      paperOrCode("singular vectors of the weights that are protected; those of the output are no inputs"),
    ),
  weightShare: z
    .enum(["at-least", "below"])
    .meta(paperOrCode("the fewest directions with a share of at least epsW, or the most with less")),
  features: z
    .enum(["tokens", "slot-mean"])
    .meta(
      paperOrCode(
        "features to protect: of every token, or sums over batches of what is at one place in them",
      ),
    ),
  gradient: z
    .enum(["exact", "autocast"])
    .meta(
      paperOrCode("gradient of all images in float32, or of full batches in float16 without loss scaling"),
    ),
  svd: z.enum(["exact", "randomised"]).meta(paperOrCode("how the gradient is decomposed")),
  textPositions: z.enum(["words", "all"]).meta(paperOrCode("positions of a text whose features count")),
  testTemplates: z
    .enum(["all", "first"])
    .meta(
      paperOrCode("prompts at test time: the dataset's, or the first of them, which is what is trained with"),
    ),
});

type KeepLoraOptions = z.infer<typeof schema>;

export const keepLora = defineMethod({
  name: "keeplora",
  label: "KeepLoRA",
  summary: "low-rank updates outside of what the weights and earlier tasks use; KeepLoRA+ and ++ by variant",
  schema,
  complete(given) {
    const preset = presets[given.preset === "released" ? "released" : "paper"];
    return { preset: "paper", ...preset, ...given };
  },
  create(options, protocol) {
    if (hasHeads(options) && protocol !== "mtil") {
      throw new Error(
        `keeplora: variant ${options.variant} classifies with the head of an image's dataset, which X-TAIL does not tell. ` +
          "Expected the protocol mtil, or variant v1 or pp.",
      );
    }
    return new KeepLora(options);
  },
  cost(model) {
    const rank = schema.shape.rank.parse(undefined);
    const places = attentionLayers(model);
    const trainable = sum(places.map(({ linear }) => linear.outFeatures * rank));
    const fixed = sum(places.map(({ linear, targets }) => targets.length * linear.inFeatures * rank));
    const bases = sum(places.map(({ linear, targets }) => targets.length * linear.inFeatures ** 2));
    return {
      trainable,
      inference: 0,
      stored: 0,
      trainingBytes: bytesPerValue * (fixed + (2 + trainingCopies) * trainable + bases),
      explanation:
        "B of the four matrices of every attention; A and the start of B are fixed. Training: with the protected directions of all matrices, at most " +
        "their whole space. KeepLoRA+ stores and trains a feature for every class as well.",
    };
  },
});

class KeepLora implements ContinualMethod {
  readonly name = "keeplora";
  readonly isParallel = true;
  readonly #inputs = new ProtectedInputs();
  readonly #heads = new DatasetHeads();
  #adapters: ResidualAdapters | undefined;

  constructor(readonly options: KeepLoraOptions) {}

  /** Steps 1 to 4: the task's gradient outside of the protected subspace says where updates may go. */
  async beginTask(task: Task, context: RunContext): Promise<void> {
    const { model } = context;
    const { batchSize, accumulate, gradient, checkpointing, rank, svd, epsW, weightSide, weightShare } =
      this.options;
    if (this.#inputs.isEmpty) {
      // Before the first task, when the model is the pre-trained one.
      await this.#inputs.addWeights(context, { share: epsW, rule: weightShare, side: weightSide });
    }
    const places = attentionLayers(model);
    await torch.scope(async () => {
      const { gradients, classMeans } = await taskGradient(
        task,
        context,
        places.map(({ linear }) => linear),
        {
          batchSize: Math.ceil(batchSize / accumulate),
          seed: taskSeed(context),
          gradient,
          checkpointing,
          classMeans: hasHeads(this.options),
        },
      );
      const how = svd === "exact" ? svd : { generator: torch.generator(taskSeed(context)) };
      const factors = await this.#inputs.residualFactors(gradients, context, rank, how);
      this.#adapters = new ResidualAdapters(
        places,
        ({ name, encoder, layer }) => {
          const { left, right } = factors.get(name) as Factors;
          return { loraA: left.t(), loraB: right.t(), scale: this.#scale(encoder, layer, model) };
        },
        { rank, keepsInitial: !isPlusPlus(this.options) },
      );
      disposeFactors(factors);
      if (classMeans !== undefined) this.#heads.begin(classMeans, model.logitScale);
    });
  }

  async trainTask(task: Task, context: RunContext) {
    const { options } = this;
    const adapters = begun(this.#adapters, "keeplora");
    const head = this.#heads.trained;
    const total = this.#iterations(task);
    const schedule = scheduleOf(options, total);
    const parameters = [adapters.parameters, ...(head === undefined ? [] : [head])];
    const { betas, eps, weightDecay } = options;
    const optimizer = new torch.optim.AdamW(parameters, { betas, eps, weightDecay });
    try {
      const loss = await train(task, context, {
        options: { ...options, iterations: total },
        encoders: "both",
        crops: options.crops,
        parameters,
        state: liveState({ tensors: { parameters }, optimizers: [optimizer] }),
        classFeatures: (texts) => this.#heads.joined(texts),
        zeroGrad() {
          adapters.zeroGrad();
          if (head !== undefined) head.grad = undefined;
        },
        update(iteration) {
          const { learningRate, beta1 } = schedule(iteration);
          optimizer.learningRate = learningRate;
          optimizer.betas = [beta1, betas[1]];
          optimizer.step();
          adapters.decayTowardsZero(learningRate * weightDecay);
          return () => ({ learningRate });
        },
      });
      const trainableParameters = numel(parameters);
      return { iterations: total, loss, trainableParameters };
    } catch (error) {
      this.#removeAdapters(); // the model is as it was before the task
      throw error;
    } finally {
      optimizer.dispose();
    }
  }

  /**
   * Steps 6 and 7: the update becomes part of the weights, and what the layers read in this task is protected
   * from now on.
   */
  async endTask(task: Task, context: RunContext): Promise<void> {
    const adapters = begun(this.#adapters, "keeplora");
    checkFinite(adapters.parameters, task, () => this.#removeAdapters());
    torch.scope(() => {
      const updates = adapters.updates();
      const changes = measureUpdates(context.model, updates, adapters.modules);
      this.#heads.keep(task.name);
      this.#removeAdapters();
      applyUpdates(context.model, updates);
      const { rank } = this.options;
      context.record({ rank, modules: changes, active: adapters.ranks, updates });
    });
    await this.#protectFeatures(task, context);
  }

  classifier(labels: LabelSpace, context: RunContext): Classifier {
    const scoresOf = this.featureClassifier(labels, context);
    return (pixels) =>
      torch.inferenceMode(() => torch.scope(() => scoresOf(context.model.encodeImage(pixels))));
  }

  featureClassifier(labels: LabelSpace, { model }: RunContext): Classifier {
    const groups = labels.groups.map(({ templates, ...group }) => ({
      ...group,
      templates: this.options.testTemplates === "all" ? templates : templates.slice(0, 1),
    }));
    const logitsOf = zeroShotHead({ groups }, model);
    // A head speaks where its dataset is the only candidate.
    const scoresOf = groups.length === 1 ? this.#heads.scorer(groups[0]?.name ?? "") : undefined;
    return (features) =>
      torch.inferenceMode(() =>
        torch.scope(() => {
          const logits = logitsOf(features);
          return scoresOf === undefined ? logits : logits.add(scoresOf(features));
        }),
      );
  }

  state(): MethodState {
    const { bases } = this.#inputs;
    const { learned } = this.#heads;
    return {
      tensors: new Map([...withPrefix("basis.", bases), ...withPrefix("head.", learned)]),
      data: { bases: [...bases.keys()], heads: [...learned.keys()] },
    };
  }

  loadState({ tensors, data }: MethodState): void {
    const saved = (kind: string, names: unknown): [string, Tensor][] =>
      ((names as string[] | undefined) ?? []).map((name) => [name, tensors.get(`${kind}.${name}`) as Tensor]);
    this.#inputs.load(new Map(saved("basis", data.bases)));
    this.#heads.load(saved("head", data.heads));
  }

  get stateAfter(): ContinualMethod["stateAfter"] {
    if (!hasHeads(this.options)) return undefined; // the weights say everything
    return (tasks, { tensors, data }) => {
      const heads = ((data.heads as string[] | undefined) ?? []).slice(0, tasks);
      return { tensors, data: { ...data, heads } };
    };
  }

  get head(): MethodHead | undefined {
    if (!hasHeads(this.options)) return undefined;
    return {
      scores: "logits",
      readsPretrained: false,
      take({ tensors, data: { heads } }) {
        const taken = Array.from(tensors).filter(([name]) => name.startsWith("head."));
        return { tensors: new Map(taken), data: { heads } };
      },
      open: (_setting, taken) => this.loadState(taken),
    };
  }

  dispose(): void {
    this.#removeAdapters();
    this.#inputs.dispose();
    this.#heads.dispose();
  }

  #removeAdapters(): void {
    this.#adapters?.remove();
    this.#adapters = undefined;
    this.#heads.drop();
  }

  #iterations({ name, train }: Task): number {
    const { iterations, epochs, datasetEpochs, batchSize } = this.options;
    const passes = datasetEpochs[name] ?? epochs;
    return passes === null ? iterations : passes * Math.ceil(train.length / batchSize);
  }

  async #protectFeatures(task: Task, context: RunContext): Promise<void> {
    const { batchSize, accumulate, features, textPositions, epsF } = this.options;
    await this.#inputs.addFeatures(task, context, epsF, {
      batchSize: features === "slot-mean" ? batchSize : Math.ceil(batchSize / accumulate),
      seed: taskSeed(context),
      features,
      textPositions,
    });
    const [vision, text] = (["vision", "text"] as const).map((encoder) =>
      this.#inputs.protectedPart(context.model, encoder),
    );
    context.log({ kind: "protected", task: context.taskIndex, dataset: task.name, vision, text });
  }

  /** σ ℓ: alpha over rank, times the layer scale of ++. */
  #scale(encoder: "vision" | "text", layer: number, model: DualEncoder): number {
    const { alpha, rank, gamma, textLayerScale } = this.options;
    const first = encoder === "vision" ? gamma : textLayerScale;
    return (
      (alpha / rank) * (isPlusPlus(this.options) ? layerScale(first, layer, model.config[encoder].layers) : 1)
    );
  }
}

/** ℓ of a block, counted from 0: from `first` to 1 along the blocks. */
export function layerScale(first: number, block: number, blocks: number): number {
  return blocks === 1 ? 1 : first + ((1 - first) * block) / (blocks - 1);
}

function isPlusPlus({ variant }: Pick<KeepLoraOptions, "variant">): boolean {
  return variant === "pp" || variant === "pp-cls";
}

function hasHeads({ variant }: Pick<KeepLoraOptions, "variant">): boolean {
  return variant === "plus" || variant === "pp-cls";
}

function scheduleOf(
  { schedule, learningRate, warmup, betas }: KeepLoraOptions,
  total: number,
): (step: number) => { learningRate: number; beta1: number } {
  if (schedule === "onecycle") return torch.optim.oneCycleSchedule({ learningRate, total });
  const rate = torch.optim.cosineSchedule({ learningRate, total, warmup });
  return (step) => ({ learningRate: rate(step), beta1: betas[0] });
}
