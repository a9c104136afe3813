import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type LowRankUpdates, rankGrams } from "../../../lib/lora/index.js";
import { generator, memoryStatistics, scope, type Tensor, tensor } from "../../../lib/torch/index.js";
import { expected } from "../../clip/fixtures.js";
import { collectGarbage } from "../../torch/fixtures.js";
import { tinyClip, trainedAdapters } from "../models.js";

// Written by fixtures/make-rank-grams.py, which forms the Gauss–Newton matrices in float64.
const { matrices } = JSON.parse(
  readFileSync(join(import.meta.dirname, "fixtures", "rank-grams.json"), "utf8"),
) as { matrices: { name: string; loraA: number[][]; loraB: number[][]; gram: number[][] }[] };

const updates = (): LowRankUpdates =>
  new Map(
    matrices.map(({ name, loraA, loraB }) => [name, { loraA: tensor(loraA), loraB: tensor(loraB) }] as const),
  );

const pixels = (): Tensor => expected("quick-gelu")("pixels");

/** The largest difference from the fixture, relative to the largest entry of each matrix. */
function largestError(grams: ReadonlyMap<string, Tensor>): number {
  const errors = matrices.map(({ name, gram }) => {
    const found = grams.get(name)!.toArray() as number[][];
    const largest = Math.max(...gram.flat().map(Math.abs));
    return Math.max(
      ...gram.flatMap((row, i) => row.map((value, j) => Math.abs(value - found[i]![j]!) / largest)),
    );
  });
  return Math.max(...errors);
}

describe("rankGrams", () => {
  it("is the explicit Gauss–Newton matrix in the space of the ranks, however the images are batched", async () => {
    const model = tinyClip();
    const given = pixels();
    const whole = await rankGrams(model, updates(), { batches: [given] });
    expect([...whole.keys()].sort()).toEqual(matrices.map(({ name }) => name).sort());
    expect(largestError(whole)).toBeLessThan(1e-5); // float32 against float64
    const parts = await rankGrams(model, updates(), {
      batches: [given.narrow(0, 0, 3), given.narrow(0, 3, 1)],
    });
    expect(largestError(parts)).toBeLessThan(1e-5);
  });

  it("is estimated without bias by directions that are drawn", async () => {
    const probes = { count: 400, generator: generator(6) };
    const estimate = await rankGrams(tinyClip(), updates(), { batches: [pixels()], probes });
    // Each entry is a mean of 400 draws: relative standard error at most √(2/400) = 0.07.
    expect(largestError(estimate)).toBeLessThan(0.2);
  });

  it("leaves the model as it was, and releases what it made", async () => {
    const model = tinyClip();
    const [given, changes] = [pixels(), updates()];
    await collectGarbage();
    const before = memoryStatistics();
    await scope(async () => void (await rankGrams(model, changes, { batches: [given.narrow(0, 0, 1)] })));
    expect(memoryStatistics()).toEqual(before);
    expect(model.adaptableLayers().filter(({ linear }) => linear.adapter !== undefined)).toEqual([]);
  });

  it("stops when it is told to, and refuses adapters and nothing", async () => {
    const model = tinyClip();
    const signal = AbortSignal.abort(new DOMException("stopped", "AbortError"));
    await expect(rankGrams(model, updates(), { batches: [pixels()], signal })).rejects.toMatchObject({
      name: "AbortError",
    });
    await expect(rankGrams(model, updates(), { batches: [] })).rejects.toThrow("expected at least one image");
    trainedAdapters(model, { rank: 2 });
    await expect(rankGrams(model, updates(), { batches: [pixels()] })).rejects.toThrow(
      "expected an ordinary CLIP",
    );
  });
});
