/*
 * RAIL-Primal, "Advancing Cross-domain Discriminability in Continual Learning of Vision-Language Models",
 * arXiv:2406.18868; original code: linghan1997/Regression-based-Analytic-Incremental-Learning
 * (`primal_RAIL.py`).
 *
 *     φ(x) = ReLU(P z(x)),   W = (Σ ΦᵀΦ + λI)⁻¹ Σ ΦᵀY,   ŷ(x) = φ(x) W
 *     scores = (1 − β) p + β ŷ where CLIP's best guess is a learned class, else CLIP's probabilities p
 *
 * with unit image features z, a fixed random P and one-hot labels Y. W is learned task by task and batch by
 * batch (`RecursiveRidge`), as if all images had come at once; `AnalyticHead` mixes it with p.
 */

import { z } from "zod";
import type { DualEncoder } from "../clip/index.js";
import { code } from "../options/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import { codyraDefaults, codyraSchema, codyraWithHeadCost, createCodyra } from "./codyra.js";
import { AnalyticHead, featuresShape, headShape } from "./shared/analytic-head.js";
import { bytesPerDouble, bytesPerValue, type Cost, type CostSetting } from "./shared/cost.js";
import { defineMethod } from "./shared/definition.js";
import { RecursiveRidge, type Regression } from "./shared/ridge.js";
import { refuseFirstTexts } from "./shared/statistics-replay.js";
import type { ContinualMethod, MethodState } from "./shared/types.js";
import { zeroShot } from "./zero-shot.js";

const primalShape = {
  ...headShape,
  hiddenDim: z.int().positive().default(15_000).meta(code("width of the random expansion of the features")),
  lambda: z.number().positive().default(0.1).meta(code("ridge coefficient")),
} as const;

const primalSchema = z.strictObject(primalShape);
type PrimalOptions = z.infer<typeof primalSchema>;

export const railPrimal = defineMethod({
  name: "rail-primal",
  label: "RAIL-Primal",
  summary: "frozen CLIP with recursive ridge regression on randomly expanded features",
  schema: primalSchema,
  create: (options, protocol) =>
    withPrimalHead("rail-primal", options, options, zeroShot.create({}, protocol), "current"),
  cost: primalCost,
});

/** CoDyRA with the head of RAIL-Primal, arXiv:2412.01004, table 5. */
export const codyraRailPrimal = defineMethod({
  name: "codyra+rail-primal",
  label: "CoDyRA + RAIL-Primal",
  summary: "CoDyRA, with RAIL's recursive ridge regression on the features of the updated model",
  schema: codyraSchema.safeExtend({
    rail: primalSchema.prefault({}).describe("options of the regression"),
    ...featuresShape,
  }),
  complete: codyraDefaults,
  create(options, protocol) {
    const { rail, features, ...rest } = options;
    refuseFirstTexts("codyra+rail-primal", options.replay);
    return withPrimalHead("codyra+rail-primal", options, rail, createCodyra(rest, protocol), features);
  },
  cost: (model, setting) => codyraWithHeadCost(model, primalCost(model, setting), "rail-primal"),
});

function primalCost(model: DualEncoder, { classes }: CostSetting): Cost {
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

function withPrimalHead(
  name: string,
  options: Readonly<Record<string, unknown>>,
  { hiddenDim, lambda, beta, cropScale }: PrimalOptions,
  base: ContinualMethod,
  features: "current" | "frozen",
): ContinualMethod {
  return new AnalyticHead({
    name,
    options,
    base,
    beta,
    features,
    cropScale,
    regression: (seed) => new ExpandedRidge({ hiddenDim, lambda, seed }),
  });
}

/** Recursive ridge regression on `ReLU(P z)`, P uniform in ±1/√D as a linear layer starts. */
class ExpandedRidge implements Regression {
  readonly #ridge: RecursiveRidge;
  #expansion: Tensor | undefined; // P, [hiddenDim, D]; the same for a seed, so it is not saved

  constructor(
    readonly options: { readonly hiddenDim: number; readonly lambda: number; readonly seed: number },
  ) {
    this.#ridge = new RecursiveRidge(options);
  }

  learn(features: Tensor, labels: Tensor, classes: number): void {
    this.#ridge.learn(this.#expand(features), labels, classes);
  }

  scores(features: Tensor): Tensor {
    return torch.scope(() => this.#ridge.scores(this.#expand(features)));
  }

  state(): MethodState {
    return this.#ridge.state();
  }

  loadState(state: MethodState): void {
    this.#ridge.loadState(state);
  }

  stateBefore(): undefined {
    return this.#ridge.stateBefore();
  }

  scoredPart(state: MethodState): MethodState {
    return this.#ridge.scoredPart(state);
  }

  dispose(): void {
    this.#ridge.dispose();
    this.#expansion?.dispose();
    this.#expansion = undefined;
  }

  #expand(features: Tensor): Tensor {
    this.#expansion ??= this.#drawExpansion(features).keep();
    return features.mm(this.#expansion.t()).relu();
  }

  #drawExpansion({ shape, device }: Tensor): Tensor {
    const { hiddenDim, seed } = this.options;
    const width = shape[1] as number;
    const generator = torch.generator(seed, "cpu");
    return torch.scope(() =>
      torch.rand([hiddenDim, width], { generator }).mul_(2).sub_(1).div_(Math.sqrt(width)).to({ device }),
    );
  }
}
