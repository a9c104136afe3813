/*
 * RAIL-Dual, "Advancing Cross-domain Discriminability in Continual Learning of Vision-Language Models",
 * arXiv:2406.18868; original code: linghan1997/Regression-based-Analytic-Incremental-Learning
 * (`dual_RAIL.py`).
 *
 *     k(x, x') = exp(−γ ‖z(x) − z(x')‖²),   ŷ(x) = k(x, X) (K + λI)⁻¹ Y
 *
 * with the unit features of all training images X, which are kept (`KernelRidge`). Mixed with CLIP's
 * probabilities as in `rail-primal`.
 */

import { z } from "zod";
import type { DualEncoder } from "../clip/index.js";
import { code } from "../options/index.js";
import { codyraDefaults, codyraSchema, codyraWithHeadCost, createCodyra } from "./codyra.js";
import { AnalyticHead, featuresShape, headShape } from "./shared/analytic-head.js";
import { bytesPerValue, type Cost, type CostSetting } from "./shared/cost.js";
import { defineMethod } from "./shared/definition.js";
import { KernelRidge } from "./shared/ridge.js";
import { refuseFirstTexts } from "./shared/statistics-replay.js";
import type { ContinualMethod } from "./shared/types.js";
import { zeroShot } from "./zero-shot.js";

const schema = z.strictObject({
  ...headShape,
  gamma: z.number().positive().default(0.1).meta(code("γ of the kernel exp(−γ ‖x − x'‖²)")),
  lambda: z.number().positive().default(0.001).meta(code("ridge coefficient")),
});
type DualOptions = z.infer<typeof schema>;

export const railDual = defineMethod({
  name: "rail-dual",
  label: "RAIL-Dual",
  summary: "frozen CLIP with kernel ridge regression on the features of all training images",
  schema,
  create: (options, protocol) =>
    withDualHead("rail-dual", options, options, zeroShot.create({}, protocol), "current"),
  cost: dualCost,
});

/** CoDyRA with the head of RAIL-Dual, arXiv:2412.01004, table 5. */
export const codyraRailDual = defineMethod({
  name: "codyra+rail-dual",
  label: "CoDyRA + RAIL-Dual",
  summary: "CoDyRA, with RAIL's kernel ridge regression on the features of the updated model",
  schema: codyraSchema.safeExtend({
    rail: schema.prefault({}).describe("options of the regression"),
    ...featuresShape,
  }),
  complete: codyraDefaults,
  create(options, protocol) {
    const { rail, features, ...rest } = options;
    refuseFirstTexts("codyra+rail-dual", options.replay);
    return withDualHead("codyra+rail-dual", options, rail, createCodyra(rest, protocol), features);
  },
  cost: (model, setting) => codyraWithHeadCost(model, dualCost(model, setting), "rail-dual"),
});

function dualCost(model: DualEncoder, { classes, shots }: CostSetting): Cost {
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

function withDualHead(
  name: string,
  options: Readonly<Record<string, unknown>>,
  { gamma, lambda, beta, cropScale }: DualOptions,
  base: ContinualMethod,
  features: "current" | "frozen",
): ContinualMethod {
  const regression = () => new KernelRidge({ gamma, lambda });
  return new AnalyticHead({ name, options, base, beta, features, cropScale, regression });
}
