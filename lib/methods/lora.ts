/*
 * LoRA: Low-Rank Adaptation of Large Language Models, arXiv:2106.09685; original code: microsoft/LoRA. Task
 * by task, as arXiv:2412.01004 compares with it.
 *
 *     W ← W + B A
 *
 * after each task, with fresh factors of the same ranks as CoDyRA and no importance weights.
 */

import { z } from "zod";
import { loraTargets } from "../lora/index.js";
import { paper } from "../options/index.js";
import { adapterBytes, adapterSize } from "./shared/cost.js";
import { defineMethod } from "./shared/definition.js";
import { MergedAdapters } from "./shared/merged-adapters.js";
import { trainingShape } from "./shared/options.js";
import { replayOption, StatisticsReplay } from "./shared/statistics-replay.js";

/** Options of every method with low-rank adapters. */
export const adapterShape = {
  ...trainingShape,
  rank: z.int().positive().default(16).meta(paper("rank of every adapter")),
  encoders: z.enum(["vision", "text", "both"]).default("both").meta(paper("encoders that get adapters")),
  targets: z
    .array(z.enum(loraTargets))
    .nonempty()
    .default([...loraTargets])
    .meta(paper("matrices of a block that get adapters")),
} as const;

const schema = z.strictObject({ ...adapterShape, ...replayOption });

export const lora = defineMethod({
  name: "lora",
  label: "LoRA",
  summary: "low-rank adapters of fixed rank, merged after each task",
  schema,
  create(options, protocol) {
    const { rank, encoders, targets, betas, eps, weightDecay } = options;
    return new MergedAdapters({
      name: "lora",
      options,
      lora: { rank, encoders, targets, importance: "fixed" },
      optimizer: { optimizer: "adamw", betas, eps, weightDecay, threshold: "exact" },
      replay: options.replay && new StatisticsReplay(options.replay, protocol),
      kappa: () => () => 0,
    });
  },
  cost(model) {
    const { factors, importance } = adapterSize(model, { importance: "fixed" });
    return {
      trainable: factors + importance,
      inference: 0,
      stored: 0,
      trainingBytes: adapterBytes(factors + importance),
      explanation: "Fresh factors A and B for each task, merged after it.",
    };
  },
});
