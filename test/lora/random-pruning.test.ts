import { describe, expect, it } from "vitest";
import { RandomPruning } from "../../lib/lora/index.js";
import { generator, memoryStatistics, noGrad, randn, scope, softThreshold_ } from "../../lib/torch/index.js";
import { tinyClip, trainedAdapters } from "./models.js";

const rank = 6;

/** Adapters with importance weights from N(0, 1). */
function adapters() {
  const lora = trainedAdapters(tinyClip(), { rank, importance: "ones" });
  noGrad(() => scope(() => lora.importance.copy_(randn(lora.importance.shape, { generator: generator(3) }))));
  return lora;
}

describe("RandomPruning", () => {
  it("keeps as many ranks as thresholding the same steps leaves, and their weights", () => {
    const lora = adapters();
    const pruning = new RandomPruning(lora, { threshold: "exact", generator: generator(5) });
    const random = generator(7);
    noGrad(() =>
      scope(() => {
        const thresholded = lora.importance.clone();
        const unpruned = lora.importance.clone();
        for (const kappa of [0, 0.2, 0.3]) {
          const step = randn(lora.importance.shape, { generator: random }).mul(0.01);
          for (const weights of [lora.importance, thresholded, unpruned]) weights.add_(step);
          softThreshold_(thresholded, kappa);
          pruning.step(kappa);
        }
        const counts = thresholded.ne(0).sum([1]);
        expect(lora.importance.ne(0).sum([1]).toArray()).toEqual(counts.toArray());
        expect(new Set(counts.toArray() as bigint[]).size).toBeGreaterThan(2);
        const isKept = lora.importance.ne(0);
        expect(isKept.equal(thresholded.ne(0))).toBe(false);
        expect(lora.importance.sub(unpruned).mul(isKept).abs().max().item()).toBeLessThan(0.05);
      }),
    );
    pruning.dispose();
  });

  it("shrinks what it keeps to the size that thresholding leaves, where asked to", () => {
    const lora = adapters();
    const pruning = new RandomPruning(lora, { threshold: "exact", isShrunk: true, generator: generator(5) });
    noGrad(() =>
      scope(() => {
        const thresholded = lora.importance.clone();
        const unpruned = lora.importance.clone();
        for (const kappa of [0, 0.2, 0.3]) {
          softThreshold_(thresholded, kappa);
          pruning.step(kappa);
        }
        expect(
          lora.importance
            .ne(0)
            .sum([1])
            .equal(thresholded.ne(0).sum([1])),
        ).toBe(true);
        const sizes = [lora.importance, thresholded].map((weights) => weights.abs().sum([1]));
        expect(sizes[0]!.sub(sizes[1]!).abs().max().item()).toBeLessThan(1e-5);
        // One factor for all that is kept of a matrix.
        const factors = lora.importance.div(unpruned).toArray() as number[][];
        for (const row of factors) {
          const kept = row.filter((factor) => factor !== 0);
          expect(Math.max(...kept) - Math.min(...kept)).toBeLessThan(1e-5);
        }
      }),
    );
    pruning.step(100); // nothing survives that
    expect(lora.importance.ne(0).any().item()).toBe(false);
    expect(lora.importance.isfinite().all().item()).toBe(true);
    pruning.dispose();
  });

  it("chooses without regard to the size of the weights", () => {
    // Where the order is drawn by the same numbers as the weights, it would be theirs.
    const lora = trainedAdapters(tinyClip(), { rank: 16, importance: "ones" });
    const drawn = generator(8);
    noGrad(() => scope(() => lora.importance.normal_(0, 1, { generator: drawn })));
    const before = lora.importance.toArray() as number[][];
    const pruning = new RandomPruning(lora, { threshold: "exact", generator: drawn });
    pruning.step(0.7);
    const kept = (lora.importance.toArray() as number[][]).map((weights) => weights.map((w) => w !== 0));
    const sizes = (isKept: boolean) =>
      before.flatMap((weights, m) => weights.filter((_, i) => kept[m]![i] === isKept).map(Math.abs));
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(sizes(true).length).toBeGreaterThan(150);
    // |N(0, 1)| has standard deviation 0.6: four standard errors of the difference
    // of two means of about 240 values.
    expect(Math.abs(mean(sizes(true)) - mean(sizes(false)))).toBeLessThan(4 * 0.6 * Math.sqrt(2 / 240));
    pruning.dispose();
  });

  it("prunes nothing before the threshold rises, and releases its state", () => {
    const lora = adapters();
    const before = memoryStatistics();
    const weights = lora.importance.toArray();
    const pruning = new RandomPruning(lora, { threshold: "in-place", generator: generator(5) });
    pruning.step(0);
    expect(lora.importance.toArray()).toEqual(weights);
    pruning.dispose();
    expect(memoryStatistics()).toEqual(before);
  });
});
