import { describe, expect, it } from "vitest";
import { type ThresholdConfig, thresholdSchedule } from "../../lib/lora/index.js";
import { softThreshold_, softThresholdReleased_, tensor } from "../../lib/torch/index.js";

const values = [
  -2, -0.61, -0.6, -0.59, -0.31, -0.3, -0.29, -0.01, 0, 0.01, 0.29, 0.3, 0.31, 0.59, 0.6, 0.61, 2,
];

describe("soft-thresholding", () => {
  it.each([0, 0.05, 0.3, 1.5])("minimises eq. 5 for κ = %f", (kappa) => {
    const minima = values.map((value) => minimise((w) => kappa * Math.abs(w) + (w - value) ** 2 / 2));
    const result = softThreshold_(tensor(values), kappa).toArray() as number[];
    for (const [i, minimum] of minima.entries()) expect(result[i], `T(${values[i]})`).toBeCloseTo(minimum, 6);
  });

  // Section 7.4; all numbers are exact in float32.
  it("has a dead zone of 2κ in the released code's variant, with a hole at |x| = κ", () => {
    const given = [-3, -1, -0.9375, -0.5625, -0.5, -0.4375, 0, 0.25, 0.5, 0.75, 0.9375, 1, 1.25, 3];
    const expected = [-2.5, -0.5, 0, 0, -0.5, 0, 0, 0, 0.5, 0, 0, 0.5, 0.75, 2.5];
    expect(softThresholdReleased_(tensor(given), 0.5).toArray()).toEqual(expected);
  });

  it("refuses a negative threshold", () => {
    expect(() => softThreshold_(tensor([1]), -0.1)).toThrow(/expected kappa >= 0, got -0.1/);
  });
});

const paper: ThresholdConfig = {
  iterations: 500,
  denseRatio: 0.5,
  kappaMax: 0.005,
  levels: 50,
  schedule: "even",
  sparseFrom: "at",
};
const reference: ThresholdConfig = { ...paper, schedule: "fixed-step", sparseFrom: "after" };

describe("the released code's staircase", () => {
  it.each([
    [0.5, { first: 251, firstKappa: 1.02e-4, top: 490, steps: 249, sum: 0.65 }],
    [0.7, { first: 351, firstKappa: 1.02e-4, top: 495, steps: 149, sum: 0.385 }],
  ])("is that of section 7.3 for a dense ratio of %f", (denseRatio, expected) => {
    const kappas = all({ ...reference, denseRatio });
    const first = kappas.findIndex((kappa) => kappa > 0);
    expect(first).toBe(expected.first);
    expect(kappas[first]).toBeCloseTo(expected.firstKappa, 6);
    expect(kappas.indexOf(0.005)).toBe(expected.top);
    expect(kappas.filter((kappa) => kappa > 0)).toHaveLength(expected.steps);
    expect(sum(kappas)).toBeCloseTo(expected.sum, 3);
  });

  it("follows the released code, step by step", () => {
    for (const iterations of [50, 120, 333, 500, 1000]) {
      for (const denseRatio of [0, 0.1, 0.25, 0.5, 0.7, 0.9, 1]) {
        const config = { ...reference, iterations, denseRatio };
        expect(all(config), `N ${iterations}, ρ ${denseRatio}`).toEqual(referenceLoop(config));
      }
    }
  });

  it("never leaves zero when fewer iterations than levels remain", () => {
    expect(sum(all({ ...reference, denseRatio: 0.95 }))).toBe(0);
  });
});

describe("the paper's staircase", () => {
  it("spreads its levels evenly over the sparse phase", () => {
    const kappas = all(paper);
    expect(sum(kappas.slice(0, 250))).toBe(0);
    expect(new Set(kappas.slice(250)).size).toBe(50);
    for (const [level, kappa] of kappas.filter((_, i) => i >= 250 && i % 5 === 0).entries()) {
      expect(kappa).toBeCloseTo((0.005 * level) / 49, 12);
    }
  });

  it("never falls and ends at κ_max whatever the length of the sparse phase", () => {
    for (const iterations of [1, 2, 7, 49, 100, 501]) {
      for (const denseRatio of [0, 0.33, 0.5, 0.7, 0.99]) {
        const kappas = all({ ...paper, iterations, denseRatio });
        const sorted = kappas.toSorted((a, b) => a - b);
        expect(kappas, `N ${iterations}, ρ ${denseRatio}`).toEqual(sorted);
        const isSparse = Math.ceil(denseRatio * iterations) < iterations;
        expect(kappas.at(-1), `N ${iterations}, ρ ${denseRatio}`).toBe(isSparse ? 0.005 : 0);
      }
    }
  });

  it("begins at ρN also where the product is not exact", () => {
    expect(0.55 * 100).toBeGreaterThan(55);
    const kappas = all({ ...paper, iterations: 100, denseRatio: 0.55, schedule: "learning-rate" });
    expect(kappas.findIndex((kappa) => kappa > 0)).toBe(55);
  });

  it("leaves everything alone where all iterations are dense", () => {
    expect(sum(all({ ...paper, denseRatio: 1 }))).toBe(0);
  });
});

it("follows the learning rate where κ = η λ", () => {
  const config: ThresholdConfig = { ...paper, iterations: 8, schedule: "learning-rate" };
  const kappa = thresholdSchedule(config, (i) => 1 - i / 8);
  expect(Array.from({ length: 8 }, (_, i) => kappa(i) / 0.005)).toEqual([
    0, 0, 0, 0, 0.5, 0.375, 0.25, 0.125,
  ]);
});

it.each([
  [{ denseRatio: 1.2 }, "denseRatio must be from 0 to 1, got 1.2."],
  [{ kappaMax: -1 }, "kappaMax must be at least 0, got -1."],
  [{ kappaMax: Number.NaN }, "kappaMax must be at least 0, got NaN."],
  [{ levels: 1 }, "levels must be a whole number of at least 2, got 1."],
])("refuses %j", (wrong, message) => {
  expect(() => thresholdSchedule({ ...paper, ...wrong })).toThrow(message);
});

function all(config: ThresholdConfig): number[] {
  return Array.from({ length: config.iterations }, (_, i) => thresholdSchedule(config)(i));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/**
 * The loop of section 7.3 as it stands there: the level moves at multiples of q, thresholding comes after the
 * step.
 */
function referenceLoop({ iterations, denseRatio, kappaMax, levels }: ThresholdConfig): number[] {
  const step = Math.floor((iterations - denseRatio * iterations) / levels);
  let level = 0;
  return Array.from({ length: iterations }, (_, i) => {
    if (i >= denseRatio * iterations && i % step === 0) level = Math.min(level + 1, levels - 1);
    return i > denseRatio * iterations ? (kappaMax * level) / (levels - 1) : 0;
  });
}

/** The minimum of a convex function in [−5, 5], by ternary search. */
function minimise(f: (w: number) => number): number {
  let [low, high] = [-5, 5];
  for (let i = 0; i < 200; i++) {
    const [a, b] = [low + (high - low) / 3, high - (high - low) / 3];
    if (f(a) < f(b)) high = b;
    else low = a;
  }
  return (low + high) / 2;
}
