/*
 * LoRA: Low-Rank Adaptation of Large Language Models, arXiv:2106.09685; original code: microsoft/LoRA. Task by task, as arXiv:2412.01004 compares
 * with it.
 *
 *     W ← W + B A
 *
 * after each task, with fresh factors of the same ranks as CoDyRA and no importance weights.
 */

import { z } from "zod";
import { loraTargets } from "../lora/index.js";
import { mergedAdapters } from "./shared/adapters.js";
import { type MethodDefinition, trainingShape } from "./shared/options.js";
import { replayOption, StatisticsReplay } from "./shared/statistics-replay.js";

/** Options of every method with low-rank adapters. */
export const adapterShape = {
  ...trainingShape,
  rank: z.int().positive().default(16).describe("rank of every adapter"),
  encoders: z.enum(["vision", "text", "both"]).default("both").describe("encoders that get adapters"),
  targets: z
    .array(z.enum(loraTargets))
    .nonempty()
    .default([...loraTargets])
    .describe("matrices of a block that get adapters"),
} as const;

const schema = z.strictObject({ ...adapterShape, ...replayOption });

export const lora: MethodDefinition = {
  name: "lora",
  summary: "low-rank adapters of fixed rank, merged after each task",
  create(given, protocol) {
    const options = schema.parse(given);
    const { rank, encoders, targets, betas, eps, weightDecay } = options;
    return mergedAdapters({
      name: "lora",
      options,
      lora: { rank, encoders, targets, importance: "fixed" },
      optimizer: { optimizer: "adamw", betas, eps, weightDecay, threshold: "exact" },
      replay: options.replay && new StatisticsReplay(options.replay, protocol),
      kappa: () => () => 0,
    });
  },
};
