import { z } from "zod";
// Not through lora/index.js or torch/index.js: those load the addon, and figures need none.
import { thresholdSchedule } from "../../lora/threshold.js";
import { cosineSchedule } from "../../torch/optim/schedule.js";

const schema = z.object({
  importance: z.enum(["normal", "ones"]),
  iterations: z.int().positive(),
  learningRate: z.number(),
  warmup: z.number(),
  denseRatio: z.number(),
  kappaMax: z.number(),
  levels: z.int(),
  schedule: z.enum(["even", "fixed-step", "learning-rate"]),
  sparseFrom: z.enum(["at", "after"]),
  pruning: z.enum(["threshold", "random", "random-shrunk", "none"]).default("threshold"), // runs of earlier versions do not have it
});

/**
 * The share of ranks that survive where training never moves their importance weights: `P(|w| > Σκ)` with w
 * as it starts and κ summed over the iterations. `erfc(Σκ / √2)` for w from N(0, 1).
 * @param options those of a codyra run
 * @returns `undefined` for other methods
 */
export async function predictedShare(
  options: Readonly<Record<string, unknown>>,
): Promise<number | undefined> {
  const parsed = schema.safeParse(options);
  if (!parsed.success) return undefined;
  const { importance, iterations, learningRate, warmup, pruning } = parsed.data;
  if (pruning === "none") return 1;
  const rate = cosineSchedule({ learningRate, total: iterations, warmup });
  const kappa = thresholdSchedule(parsed.data, (i) => rate(i) / learningRate);
  let shrinkage = 0;
  for (let i = 0; i < iterations; i++) shrinkage += kappa(i);
  if (importance === "ones") return shrinkage < 1 ? 1 : 0;
  const vega: object = await import("vega"); // its declarations leave this function out
  const { cumulativeNormal } = vega as { cumulativeNormal(value: number): number };
  return 2 * cumulativeNormal(-shrinkage);
}
