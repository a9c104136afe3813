/*
 * CoDyRA, "Adaptive Rank, Reduced Forgetting: Knowledge Retention in Continual Learning Vision-Language
 * Models with Dynamic Rank-Selective LoRA", arXiv:2412.01004; original code: Artificer-AI-Lab/CoDyRA.
 *
 *     ΔW = B diag(w) A                                            (eq. 1, 2)
 *     w ← T_κ(w − step),   T_κ(w) = sign(w) max(|w| − κ, 0)       (eq. 5 to 7, the minus of the erratum)
 *
 * for every weight matrix. The threshold κ is zero in a dense phase, and then rises to κ_max. Ranks whose
 * weight ends at zero are dropped, the others merged.
 */

import { z } from "zod";
import type { DualEncoder } from "../clip/index.js";
import { type LoraConfig, thresholdSchedule } from "../lora/index.js";
import { code, type Given, paper, paperOrCode } from "../options/index.js";
import { adapterShape } from "./lora.js";
import { adapterBytes, adapterSize, type Cost } from "./shared/cost.js";
import { defineMethod } from "./shared/definition.js";
import { MergedAdapters } from "./shared/merged-adapters.js";
import { replayOption, StatisticsReplay } from "./shared/statistics-replay.js";
import type { ContinualMethod, ProtocolName } from "./shared/types.js";

// The presets differ where the paper and its public code differ: docs/specification.md, sections 2.3 and 2.4.
const presets = {
  paper: { loss: "symmetric", threshold: "exact", schedule: "even", sparseFrom: "at" },
  released: { loss: "released", threshold: "in-place", schedule: "fixed-step", sparseFrom: "after" },
} as const;

const denseRatios: Record<ProtocolName, number> = { "x-tail": 0.5, mtil: 0.7 };

export const codyraSchema = z
  .strictObject({
    preset: z.enum(["paper", "released"]).describe("defaults of loss, threshold, schedule and sparseFrom"),
    ...adapterShape,
    loss: adapterShape.loss.meta({ source: "paper or code" }),
    ...replayOption,
    importance: z
      .enum(["normal", "ones"])
      .default("normal")
      .meta(paper("how importance weights start: N(0, 1), or all at 1")),
    gates: z
      .enum(["learned", "fixed"])
      .default("learned")
      .describe("importance weights: trained, or fixed as they start, which prunes nothing"),
    pruning: z
      .enum(["threshold", "random", "random-shrunk", "none"])
      .meta(
        paper(
          "rule that drops ranks: the threshold; chance, as many of each matrix at the same time, without or with the threshold's shrinkage; or none",
        ),
      ),
    denseRatio: z.number().min(0).max(1).meta(paper("part of the iterations before thresholding begins")),
    kappaMax: z.number().nonnegative().default(0.005).meta(paper("threshold at the end of a task")),
    levels: z.int().min(2).default(50).meta(code("levels of the threshold's staircase")),
    schedule: z.enum(["even", "fixed-step", "learning-rate"]).meta(paperOrCode("how the threshold rises")),
    sparseFrom: z
      .enum(["at", "after"])
      .meta(paperOrCode("first thresholded iteration: the one that ends the dense phase, or the one after")),
    threshold: z
      .enum(["exact", "in-place"])
      .meta(paperOrCode("soft-thresholding, or the released code's variant of it")),
    optimizer: z.enum(["adamw", "sgd"]).default("adamw").meta(paper("gradient step before the thresholding")),
  })
  .refine(({ gates, pruning }) => gates === "learned" || pruning === "none", {
    path: ["pruning"],
    message:
      "expected none where gates are fixed: a threshold moves them. Leave it out, or let gates be learned",
  });

export const codyra = defineMethod({
  name: "codyra",
  label: "CoDyRA",
  summary: "rank-selective low-rank adapters: ranks compete, survivors are merged after each task",
  schema: codyraSchema,
  complete: codyraDefaults,
  create: createCodyra,
  cost: codyraCost,
});

/** Options with those filled in that the preset, the protocol or the gates decide. */
export function codyraDefaults(given: Given, protocol: ProtocolName): Given {
  const preset = presets[given.preset === "released" ? "released" : "paper"];
  const defaults = {
    preset: "paper",
    denseRatio: denseRatios[protocol],
    pruning: given.gates === "fixed" ? "none" : "threshold",
  };
  return { ...defaults, ...preset, ...given };
}

/** CoDyRA by itself, or under the methods that build on it. */
export function createCodyra(
  options: z.output<typeof codyraSchema>,
  protocol: ProtocolName,
): ContinualMethod {
  const { rank, encoders, targets, optimizer, betas, eps, weightDecay, threshold, pruning } = options;
  return new MergedAdapters({
    name: "codyra",
    options,
    lora: { rank, encoders, targets, importance: importanceOf(options) },
    optimizer: { optimizer, betas, eps, weightDecay, threshold },
    replay: options.replay && new StatisticsReplay(options.replay, protocol),
    randomPruning: pruning.startsWith("random") ? { isShrunk: pruning === "random-shrunk" } : undefined,
    kappa: (relative) => (pruning === "none" ? () => 0 : thresholdSchedule(options, relative)),
  });
}

export function codyraCost(model: DualEncoder): Cost {
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

/** The cost of CoDyRA with a head on its features. @param name the method with the head alone */
export function codyraWithHeadCost(model: DualEncoder, head: Cost, name: string): Cost {
  const codyra = codyraCost(model);
  return {
    ...head,
    trainable: codyra.trainable,
    trainingBytes: codyra.trainingBytes + head.trainingBytes,
    explanation: `Trainable as codyra, the rest as ${name}.`,
  };
}

function importanceOf({
  gates,
  importance,
}: Pick<z.infer<typeof codyraSchema>, "gates" | "importance">): LoraConfig["importance"] {
  if (gates === "learned") return importance;
  return importance === "normal" ? "fixed-normal" : "fixed";
}
