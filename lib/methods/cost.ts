import type { ClipModel } from "../clip/index.js";
import { inject, type LoraConfig } from "../lora/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import { dacSchema } from "./dac.js";
import { icarlSchema } from "./icarl.js";
import { keepLoraSchema } from "./keeplora.js";
import { moeAdapterSchema } from "./moe-adapter.js";
import { primalSchema } from "./rail-primal.js";
import { autoencoderShapes } from "./shared/domain-autoencoders.js";
import { alexnetFeatureCount } from "./shared/domain-features.js";
import { ExpertPool } from "./shared/expert-pool.js";
import { injectExperts } from "./shared/experts.js";
import { surrogateCount } from "./shared/feature-probe.js";
import { attentionLayers } from "./shared/layer-inputs.js";
import { statraSchema } from "./statra.js";

/** A stream, as far as costs depend on it. */
export interface CostSetting {
  /** Classes of all tasks together. */
  readonly classes: number;
  readonly tasks: number;
  /** Training images per class. */
  readonly shots: number;
}

/** What a method costs, in parameters or stored values. */
export interface Cost {
  /** Changed by gradients. */
  readonly trainable: number;
  /** What one image needs beside the parameters of one CLIP, after the last task. */
  readonly inference: number;
  /** What must be kept beside one CLIP to classify any image, after the last task. */
  readonly stored: number;
  /**
   * Bytes beside one CLIP while the last task is learned: adapters, gradients, the optimiser's moments, copies of the model and memories.
   * Activations, images of the task and features of reference data come on top.
   */
  readonly trainingBytes: number;
  /** How the numbers come about, and where they differ from the printed ones. */
  readonly explanation: string;
}

export interface MethodCost extends Cost {
  readonly method: string;
}

/** Bytes of a stored value, float32. */
export const bytesPerValue = 4;
const bytesPerDouble = 8;

/**
 * Trainable and additional parameters of the methods with their default options, counted on the modules that they build. arXiv:2412.01004,
 * table 4; baseline specification, section 12.
 * @param model of any device; on `meta`, nothing is computed and no memory is needed
 */
export function methodCosts(model: ClipModel, setting: CostSetting): MethodCost[] {
  const fineTuning = (copies = 0, memoryBytes = 0) => fineTuningCost(model, copies, memoryBytes);
  const primal = railPrimalCost(model, setting);
  const dual = railDualCost(model, setting);
  const codyra = codyraCost(model);
  const both = (head: Cost, name: string): Cost => ({
    ...head,
    trainable: codyra.trainable,
    trainingBytes: codyra.trainingBytes + head.trainingBytes,
    explanation: `Trainable as codyra, the rest as ${name}.`,
  });
  const costs: Record<string, Cost> = {
    "zero-shot": {
      trainable: 0,
      inference: 0,
      stored: 0,
      trainingBytes: 0,
      explanation: "Nothing is added.",
    },
    finetune: fineTuning(),
    lwf: fineTuning(1), // the teacher
    "lwf-vr": fineTuning(1),
    icarl: fineTuning(1, exemplarBytes(model, setting)),
    "wise-ft": fineTuning(1), // the weights before the task
    zscl: fineTuning(3), // the teacher, the weights before the task, and their average
    "moe-adapter": moeAdapterCost(model, setting),
    "rail-primal": primal,
    "rail-dual": dual,
    lora: loraCost(model),
    codyra,
    "codyra-routed": routedCost(model, setting),
    "codyra+rail-primal": both(primal, "rail-primal"),
    "codyra+rail-dual": both(dual, "rail-dual"),
    keeplora: keepLoraCost(model),
    dac: dacCost(model, setting),
    statra: statRaCost(model, setting),
  };
  return Object.entries(costs).map(([method, cost]) => ({ method, ...cost }));
}

/** Gradients and two moments of AdamW, for every parameter. */
const trainingCopies = 3;

function fineTuningCost(model: ClipModel, copies: number, memoryBytes: number): Cost {
  const trainable = model.numParameters() - model.logitScale.numel();
  return {
    trainable,
    inference: 0,
    stored: 0,
    trainingBytes: bytesPerValue * (trainingCopies + copies) * trainable + memoryBytes,
    explanation:
      "All parameters but the logit scale. The paper's 129.6M is no sum of the model's parts, and probably a misprint of 149.6M. " +
      "Teachers, weight copies and exemplars are for training only.",
  };
}

/** Of the images of earlier tasks: all that there are, or as many as the memory holds. */
function exemplarBytes(model: ClipModel, { classes, tasks, shots }: CostSetting): number {
  const { memory } = icarlSchema.parse({});
  const images = Math.min(memory, Math.round((classes * shots * (tasks - 1)) / tasks));
  return images * 3 * model.config.vision.imageSize ** 2;
}

function moeAdapterCost(model: ClipModel, { tasks }: CostSetting): Cost {
  const options = moeAdapterSchema.parse({});
  const blocks = injectExperts(model, options, torch.generator(0));
  const count = blocks.map((block) => {
    const { weight, noise } = block.addRouter();
    return { experts: numel(block.parameters), router: numel([weight]), noise: numel([noise]) };
  });
  for (const block of blocks) block.dispose();
  const [experts, router, noise] = (["experts", "router", "noise"] as const).map((part) =>
    sum(count.map((block) => block[part])),
  ) as [number, number, number];
  const features = alexnetFeatureCount(model.config.vision.imageSize);
  const autoencoder = sum(autoencoderShapes(features, options.ddas.code).map(product));
  return {
    trainable: experts + tasks * (router + noise) + autoencoder,
    inference: (experts * options.topK) / options.experts + router + noise + autoencoder,
    stored: experts + tasks * router + (tasks + 1) * autoencoder,
    trainingBytes:
      bytesPerValue *
      (experts + tasks * (router + noise + autoencoder) + trainingCopies * (experts + router + noise)),
    explanation:
      "Trainable: the experts of all blocks, a router and a noise matrix per task, and the autoencoder of one task. " +
      "Inference, counted as in the paper: two experts per block, a router, its noise matrix (which nothing reads then) and an autoencoder. " +
      "Stored: all experts, a router per task, and an autoencoder per task and for the reference data; AlexNet, which they read, comes on top. " +
      "The paper's 59.8M is for 11 tasks, and its 13.35M the sum of rounded parts.",
  };
}

function railPrimalCost(model: ClipModel, { classes }: CostSetting): Cost {
  const { hiddenDim } = primalSchema.parse({});
  const values = hiddenDim * model.config.embedDim + hiddenDim * classes;
  return {
    trainable: 0,
    inference: values,
    stored: values,
    trainingBytes:
      bytesPerValue * hiddenDim * model.config.embedDim + bytesPerDouble * hiddenDim * (hiddenDim + classes),
    explanation: `The expansion, features × ${hiddenDim}, and the regression, ${hiddenDim} × classes. To learn more tasks, ${hiddenDim}² values of the inverse are kept too, in float64 as the regression.`,
  };
}

function railDualCost(model: ClipModel, { classes, shots }: CostSetting): Cost {
  const images = classes * shots;
  const features = images * model.config.embedDim;
  return {
    trainable: 0,
    inference: features,
    stored: features + images * classes,
    trainingBytes: bytesPerValue * features,
    explanation:
      "Inference, counted as in the paper: the features of all training images. Stored: the coefficients, images × classes, as well.",
  };
}

function loraCost(model: ClipModel): Cost {
  const { factors, importance } = adapterSize(model, { importance: "fixed" });
  return {
    trainable: factors + importance,
    inference: 0,
    stored: 0,
    trainingBytes: adapterBytes(factors + importance),
    explanation: "Fresh factors A and B for each task, merged after it.",
  };
}

function codyraCost(model: ClipModel): Cost {
  const { factors, importance } = adapterSize(model);
  return {
    trainable: factors + importance,
    inference: 0,
    stored: 0,
    trainingBytes: adapterBytes(factors + importance),
    explanation:
      "Fresh factors A and B and an importance weight per rank for each task, on six matrices of every block; the survivors are merged.",
  };
}

function routedCost(model: ClipModel, { tasks }: CostSetting): Cost {
  const { factors, importance } = adapterSize(model);
  return {
    trainable: factors + importance,
    inference: factors,
    stored: tasks * factors,
    trainingBytes:
      adapterBytes(factors + importance) +
      bytesPerValue * (tasks * model.numParameters() + (tasks - 1) * factors),
    explanation:
      "As codyra, with the factors of every task kept: at most these, because only surviving ranks are. " +
      "While a run lasts, they are held as one model per task.",
  };
}

function keepLoraCost(model: ClipModel): Cost {
  const rank = keepLoraSchema.shape.rank.parse(undefined);
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
}

function dacCost(model: ClipModel, { tasks }: CostSetting): Cost {
  const options = dacSchema.parse({ preset: "reference-code", overlap: "sum", past: "all" });
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
}

function statRaCost(model: ClipModel, { classes }: CostSetting): Cost {
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
      "words. Training: with surrogate images, and with the other encoder's adapters and their gradients.",
  };
}

function adapterBytes(trainable: number): number {
  return bytesPerValue * (1 + trainingCopies) * trainable;
}

function adapterSize(
  model: ClipModel,
  config: Partial<LoraConfig> = {},
): { factors: number; importance: number } {
  const adapters = inject(model, config);
  const size = adapters.numTrainable;
  adapters.remove();
  return size;
}

function numel(tensors: readonly Tensor[]): number {
  return sum(tensors.map((tensor) => tensor.numel()));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}
