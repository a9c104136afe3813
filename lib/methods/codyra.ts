/*
 * CoDyRA, "Adaptive Rank, Reduced Forgetting: Knowledge Retention in Continual Learning Vision-Language Models with Dynamic Rank-Selective LoRA",
 * arXiv:2412.01004; original code: Artificer-AI-Lab/CoDyRA.
 *
 *     ΔW = B diag(w) A                                            (eq. 1, 2)
 *     w ← T_κ(w − step),   T_κ(w) = sign(w) max(|w| − κ, 0)       (eq. 5 to 7, the minus of the erratum)
 *
 * for every weight matrix. The threshold κ is zero in a dense phase, and then rises to κ_max. Ranks whose weight ends at zero are dropped, the others
 * merged.
 */

import { z } from "zod";
import { type LoraConfig, thresholdSchedule } from "../lora/index.js";
import { adapterShape } from "./lora.js";
import { mergedAdapters } from "./shared/adapters.js";
import type { MethodDefinition } from "./shared/options.js";
import { replayOption, StatisticsReplay } from "./shared/statistics-replay.js";
import type { ProtocolName } from "./shared/types.js";

// The presets differ where the paper and its public code differ: method specification, section 7.
const presets = {
  paper: { loss: "symmetric", threshold: "exact", schedule: "even", sparseFrom: "at" },
  "reference-code": { loss: "reference", threshold: "in-place", schedule: "fixed-step", sparseFrom: "after" },
} as const;

const denseRatios: Record<ProtocolName, number> = { "x-tail": 0.5, mtil: 0.7 };

const schema = z
  .strictObject({
    preset: z
      .enum(["paper", "reference-code"])
      .describe("defaults of loss, threshold, schedule and sparseFrom"),
    ...adapterShape,
    ...replayOption,
    importance: z
      .enum(["normal", "ones"])
      .default("normal")
      .describe("how importance weights start: N(0, 1), or all at 1"),
    gates: z
      .enum(["learned", "fixed"])
      .default("learned")
      .describe("whether importance weights are trained, or stay as they start; then nothing is pruned"),
    pruning: z
      .enum(["threshold", "random", "random-shrunk", "none"])
      .describe(
        "what drops ranks: the threshold; chance, as many of each matrix at the same time, without or with the shrinkage of the threshold; or nothing",
      ),
    denseRatio: z.number().min(0).max(1).describe("part of the iterations before thresholding begins"),
    kappaMax: z.number().nonnegative().default(0.005).describe("threshold at the end of a task"),
    levels: z.int().min(2).default(50).describe("levels of the threshold's staircase"),
    schedule: z.enum(["even", "fixed-step", "learning-rate"]).describe("how the threshold rises"),
    sparseFrom: z
      .enum(["at", "after"])
      .describe("whether the iteration that ends the dense phase is thresholded"),
    threshold: z
      .enum(["exact", "in-place"])
      .describe("soft-thresholding, or the reference code's variant of it"),
    optimizer: z.enum(["adamw", "sgd"]).default("adamw").describe("gradient step before the thresholding"),
  })
  .refine(({ gates, pruning }) => gates === "learned" || pruning === "none", {
    path: ["pruning"],
    message:
      "expected none where gates are fixed: a threshold moves them. Leave it out, or let gates be learned",
  });

export const codyra: MethodDefinition = {
  name: "codyra",
  summary: "rank-selective low-rank adapters: ranks compete, survivors are merged after each task",
  create(given, protocol) {
    const preset = presets[given.preset === "reference-code" ? "reference-code" : "paper"];
    const defaults = {
      preset: "paper",
      denseRatio: denseRatios[protocol],
      pruning: given.gates === "fixed" ? "none" : "threshold",
    };
    const options = schema.parse({ ...defaults, ...preset, ...given });
    const { rank, encoders, targets, optimizer, betas, eps, weightDecay, threshold, pruning } = options;
    return mergedAdapters({
      name: "codyra",
      options,
      lora: { rank, encoders, targets, importance: importanceOf(options) },
      optimizer: { optimizer, betas, eps, weightDecay, threshold },
      replay: options.replay && new StatisticsReplay(options.replay, protocol),
      randomPruning: pruning.startsWith("random") ? { isShrunk: pruning === "random-shrunk" } : undefined,
      kappa: (relative) => (pruning === "none" ? () => 0 : thresholdSchedule(options, relative)),
    });
  },
};

function importanceOf({
  gates,
  importance,
}: Pick<z.infer<typeof schema>, "gates" | "importance">): LoraConfig["importance"] {
  if (gates === "learned") return importance;
  return importance === "normal" ? "fixed-normal" : "fixed";
}
