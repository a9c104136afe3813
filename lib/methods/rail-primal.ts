/*
 * RAIL-Primal, "Advancing Cross-domain Discriminability in Continual Learning of Vision-Language Models", arXiv:2406.18868; original code:
 * linghan1997/Regression-based-Analytic-Incremental-Learning (`primal_RAIL.py`).
 *
 *     φ(x) = ReLU(P z(x)),   W = (Σ ΦᵀΦ + λI)⁻¹ Σ ΦᵀY,   ŷ(x) = φ(x) W
 *     scores = (1 − β) p + β ŷ where CLIP's best guess is a learned class, else CLIP's probabilities p
 *
 * with unit image features z, a fixed random P and one-hot labels Y. W is learned task by task and batch by batch (`RecursiveRidge`), as if all images
 * had come at once; `analyticHead` mixes it with p.
 */

import { z } from "zod";
import type { ClipModel } from "../clip/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import { codyra } from "./codyra.js";
import { analyticHead, featuresShape, headShape } from "./shared/analytic-head.js";
import type { MethodDefinition } from "./shared/options.js";
import { RecursiveRidge, type Regression } from "./shared/ridge.js";
import type { ContinualMethod, MethodState } from "./shared/types.js";
import { zeroShot } from "./zero-shot.js";

const primalShape = {
  ...headShape,
  hiddenDim: z.int().positive().default(15_000).describe("width of the random expansion of the features"),
  lambda: z.number().positive().default(0.1).describe("ridge coefficient"),
} as const;

export const primalSchema = z.strictObject(primalShape);
type PrimalOptions = z.infer<typeof primalSchema>;

export const railPrimal: MethodDefinition = {
  name: "rail-primal",
  summary: "frozen CLIP with recursive ridge regression on randomly expanded features",
  create(given, protocol) {
    const options = primalSchema.parse(given);
    return withPrimalHead("rail-primal", options, options, zeroShot.create({}, protocol), "current");
  },
};

/** CoDyRA with the head of RAIL-Primal, arXiv:2412.01004, table 5. */
export const codyraRailPrimal: MethodDefinition = {
  name: "codyra+rail-primal",
  summary: "CoDyRA, with RAIL's recursive ridge regression on the features of the updated model",
  create(given, protocol) {
    const { rail, features, ...rest } = z
      .looseObject({ rail: primalSchema.prefault({}), ...featuresShape })
      .parse(given);
    const base = codyra.create(rest, protocol);
    const options = { ...base.options, rail, features };
    return withPrimalHead("codyra+rail-primal", options, rail, base, features);
  },
};

function withPrimalHead(
  name: string,
  options: Readonly<Record<string, unknown>>,
  { hiddenDim, lambda, beta, cropScale }: PrimalOptions,
  base: ContinualMethod,
  features: "current" | "frozen",
): ContinualMethod {
  return analyticHead({
    name,
    options,
    base,
    beta,
    features,
    cropScale,
    regression: (model, seed) => new ExpandedRidge(model, { hiddenDim, lambda, seed }),
  });
}

/** Recursive ridge regression on `ReLU(P z)`, P uniform in ±1/√D as a linear layer starts. */
class ExpandedRidge implements Regression {
  readonly #ridge: RecursiveRidge;
  readonly #expansion: Tensor; // P, [hiddenDim, D]; the same for a seed, so it is not saved

  constructor(
    model: ClipModel,
    { hiddenDim, lambda, seed }: { hiddenDim: number; lambda: number; seed: number },
  ) {
    const width = model.config.embedDim;
    const generator = torch.generator(seed, "cpu");
    this.#ridge = new RecursiveRidge({ lambda });
    this.#expansion = torch
      .scope(() =>
        torch
          .rand([hiddenDim, width], { generator })
          .mul_(2)
          .sub_(1)
          .div_(Math.sqrt(width))
          .to({ device: model.device }),
      )
      .keep();
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

  dispose(): void {
    this.#ridge.dispose();
    this.#expansion.dispose();
  }

  #expand(features: Tensor): Tensor {
    return features.mm(this.#expansion.t()).relu();
  }
}
