import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  amplification,
  inject,
  measureAdapters,
  measureUpdates,
  survivingRanks,
  updateSize,
} from "../../../lib/lora/index.js";
import { memoryStatistics, noGrad, scope, tensor } from "../../../lib/torch/index.js";
import { tinyClip, trainedAdapters } from "../models.js";

interface Case {
  weight: number[][];
  loraA: number[][];
  loraB: number[][];
  deltaNorm: number;
  weightNorm: number;
  projectedNorms: number[];
  amplification: number[];
}

// Written by fixtures/make.py, which forms ΔW and its full SVD in float64.
const cases = JSON.parse(readFileSync(join(import.meta.dirname, "fixtures", "sizes.json"), "utf8")) as Case[];

/** float32 against float64: 1e-5 relative. */
function expectRelative(actual: number, wanted: number): void {
  expect(Math.abs(actual / wanted - 1), `${actual} instead of ${wanted}`).toBeLessThan(1e-5);
}

describe.each(cases)("the update of a matrix, case %#", (wanted) => {
  const size = () =>
    scope(() =>
      updateSize(tensor(wanted.weight), { loraA: tensor(wanted.loraA), loraB: tensor(wanted.loraB) }),
    );

  it("has the sizes that a full SVD gives", () => {
    const { deltaNorm, weightNorm, projectedNorms } = size();
    expectRelative(deltaNorm, wanted.deltaNorm);
    expectRelative(weightNorm, wanted.weightNorm);
    expect(projectedNorms).toHaveLength(wanted.projectedNorms.length);
    for (const [i, norm] of projectedNorms.entries()) expectRelative(norm, wanted.projectedNorms[i]!);
  });

  it("has the amplification of eq. 8 for every ρ, up to its rank", () => {
    const measured = size();
    for (const [i, factor] of wanted.amplification.entries())
      expectRelative(amplification(measured, i + 1), factor);
    expectRelative(amplification(measured), wanted.amplification.at(-1)!);
    expectRelative(amplification(measured, 99), wanted.amplification.at(-1)!);
  });

  it("does not depend on which side is transposed", () => {
    const transposed = scope(() =>
      updateSize(tensor(wanted.weight).t(), {
        loraA: tensor(wanted.loraB).t(),
        loraB: tensor(wanted.loraA).t(),
      }),
    );
    expectRelative(amplification(transposed), wanted.amplification.at(-1)!);
  });
});

describe("measuring adapters", () => {
  it("gives every matrix its importance weights, and none that is pruned an amplification", () => {
    const model = tinyClip();
    const lora = trainedAdapters(model, { rank: 3, targets: ["v", "proj"] });
    noGrad(() => lora.importance.select(0, 1).zero_());
    const active = lora.activeRanks();
    const measured = scope(() => measureAdapters(model, lora, survivingRanks(lora)));
    expect(measured.map(({ name }) => name)).toEqual(lora.modules.map(({ name }) => name));
    expect(measured.map(({ projectedNorms }) => projectedNorms.length)).toEqual(active);
    expect(measured.map(({ importance }) => importance)).toEqual(lora.importance.toArray());
    expect(measured[1]).toMatchObject({ deltaNorm: 0, projectedNorms: [] });
    expect(amplification(measured[1]!)).toBe(0);
    const before = memoryStatistics();
    scope(() => measureAdapters(model, lora, survivingRanks(lora)));
    expect(memoryStatistics()).toEqual(before);
  });

  it("measures the weight as it was before the update", () => {
    const model = tinyClip();
    const lora = inject(model, { rank: 2, importance: "fixed" });
    noGrad(() => {
      for (const { loraB } of lora.layers) loraB.fill_(0.3);
    });
    const updates = survivingRanks(lora);
    const before = measureAdapters(model, lora, updates);
    lora.merge();
    const after = measureUpdates(model, updates, lora.modules);
    expect(after[0]!.deltaNorm).toBe(before[0]!.deltaNorm);
    expect(after[0]!.weightNorm).not.toBe(before[0]!.weightNorm);
  });
});
