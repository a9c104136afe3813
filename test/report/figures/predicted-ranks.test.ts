import { describe, expect, it } from "vitest";
import { predictedShare } from "../../../lib/report/figures/predicted-ranks.js";

const reference = {
  importance: "normal",
  iterations: 500,
  learningRate: 5e-4,
  warmup: 0,
  denseRatio: 0.5,
  kappaMax: 0.005,
  levels: 50,
  schedule: "fixed-step",
  sparseFrom: "after",
};

describe("predictedShare", () => {
  // 16 · P(|N(0, 1)| > Σκ) under the reference schedule, simulated elsewhere to one decimal.
  it.each([
    [0.5, 0.001, 14.3],
    [0.5, 0.0025, 11.9],
    [0.5, 0.005, 8.3],
    [0.5, 0.0075, 5.3],
    [0.5, 0.01, 3.1],
    [0, 0.005, 3.1],
    [0.25, 0.005, 4.9],
    [0.7, 0.005, 11.2],
    [0.9, 0.005, 14.4],
  ])("of a dense ratio %d and κ_max %d is %d of 16 ranks", async (denseRatio, kappaMax, ranks) => {
    const share = await predictedShare({ ...reference, denseRatio, kappaMax });
    expect(Math.abs(16 * share! - ranks)).toBeLessThan(0.06);
  });

  it("is erfc(Σκ / √2)", async () => {
    // Two sparse iterations at κ = 0.5 each: P(|N(0, 1)| > 1).
    const options = {
      ...reference,
      iterations: 4,
      kappaMax: 0.5,
      schedule: "learning-rate",
      sparseFrom: "at",
    };
    const halves = (1 + Math.cos(Math.PI / 2)) / 2 + (1 + Math.cos((3 * Math.PI) / 4)) / 2; // of the cosine schedule
    expect(0.5 * halves).toBeCloseTo(0.3232, 4);
    expect(await predictedShare(options)).toBeCloseTo(0.7465, 4); // scipy.special.erfc(0.3232233 / sqrt(2))
  });

  it("is all or nothing where all weights start at one, and unknown without a threshold", async () => {
    expect(await predictedShare({ ...reference, importance: "ones" })).toBe(1);
    expect(await predictedShare({ ...reference, importance: "ones", kappaMax: 0.01 })).toBe(0);
    expect(await predictedShare({ ...reference, pruning: "none" })).toBe(1);
    expect(await predictedShare({ ...reference, pruning: "random" })).toBe(await predictedShare(reference));
    expect(await predictedShare({ iterations: 500, learningRate: 1e-3, warmup: 0 })).toBeUndefined();
  });
});
