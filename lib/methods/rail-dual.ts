/*
 * RAIL-Dual, "Advancing Cross-domain Discriminability in Continual Learning of Vision-Language Models", arXiv:2406.18868; original code:
 * linghan1997/Regression-based-Analytic-Incremental-Learning (`dual_RAIL.py`).
 *
 *     k(x, x') = exp(−γ ‖z(x) − z(x')‖²),   ŷ(x) = k(x, X) (K + λI)⁻¹ Y
 *
 * with the unit features of all training images X, which are kept (`KernelRidge`). Mixed with CLIP's probabilities as in `rail-primal`.
 */

import { z } from "zod";
import { codyra } from "./codyra.js";
import { analyticHead, featuresShape, headShape } from "./shared/analytic-head.js";
import type { MethodDefinition } from "./shared/options.js";
import { KernelRidge } from "./shared/ridge.js";
import type { ContinualMethod } from "./shared/types.js";
import { zeroShot } from "./zero-shot.js";

const schema = z.strictObject({
  ...headShape,
  gamma: z.number().positive().default(0.1).describe("γ of the kernel exp(−γ ‖x − x'‖²)"),
  lambda: z.number().positive().default(0.001).describe("ridge coefficient"),
});
type DualOptions = z.infer<typeof schema>;

export const railDual: MethodDefinition = {
  name: "rail-dual",
  summary: "frozen CLIP with kernel ridge regression on the features of all training images",
  create(given, protocol) {
    const options = schema.parse(given);
    return withDualHead("rail-dual", options, options, zeroShot.create({}, protocol), "current");
  },
};

/** CoDyRA with the head of RAIL-Dual, arXiv:2412.01004, table 5. */
export const codyraRailDual: MethodDefinition = {
  name: "codyra+rail-dual",
  summary: "CoDyRA, with RAIL's kernel ridge regression on the features of the updated model",
  create(given, protocol) {
    const { rail, features, ...rest } = z
      .looseObject({ rail: schema.prefault({}), ...featuresShape })
      .parse(given);
    const base = codyra.create(rest, protocol);
    return withDualHead("codyra+rail-dual", { ...base.options, rail, features }, rail, base, features);
  },
};

function withDualHead(
  name: string,
  options: Readonly<Record<string, unknown>>,
  { gamma, lambda, beta, cropScale }: DualOptions,
  base: ContinualMethod,
  features: "current" | "frozen",
): ContinualMethod {
  const regression = () => new KernelRidge({ gamma, lambda });
  return analyticHead({ name, options, base, beta, features, cropScale, regression });
}
