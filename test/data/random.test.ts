import { describe, expect, it } from "vitest";
import { Random } from "../../lib/data/random.js";

const take = (key: string, count: number) => {
  const random = new Random(key);
  return Array.from({ length: count }, () => random.next());
};

describe("Random", () => {
  it("repeats its sequence for the same key and changes it with the key", () => {
    expect(take("a", 5)).toEqual(take("a", 5));
    expect(take("a", 5)).not.toEqual(take("b", 5));
  });

  it("keeps the sequence that published images were drawn with", () => {
    expect(take("miniature", 3)).toEqual([0.5654854115564376, 0.2979471697472036, 0.6721872903872281]);
  });

  it("is uniform in [0, 1)", () => {
    const values = take("uniform", 20_000);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    // Standard error of the mean: 0.289 / √20000 ≈ 0.002.
    expect(mean).toBeGreaterThan(0.49);
    expect(mean).toBeLessThan(0.51);
  });

  it("reaches every item of a choice and refuses an empty one", () => {
    const random = new Random("choice");
    expect(new Set(Array.from({ length: 100 }, () => random.choice(["a", "b", "c"])))).toEqual(
      new Set(["a", "b", "c"]),
    );
    expect(() => random.choice([])).toThrow("expected at least one item, got none");
  });
});
