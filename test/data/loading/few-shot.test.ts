import { describe, expect, it } from "vitest";
import { type Example, FileExample, sampleFewShot } from "../../../lib/data/index.js";

function dataset(counts: Record<string, number>, name = "flowers") {
  const classes = Object.keys(counts);
  const train: Example[] = classes.flatMap((className, label) =>
    Array.from(
      { length: counts[className] as number },
      (_, i) => new FileExample("", `${className}/${i}.jpg`, label),
    ),
  );
  return { name, classes, train };
}

describe("sampleFewShot", () => {
  it("draws distinct images, the same number of each class", () => {
    const flowers = dataset({ rose: 20, tulip: 16, daisy: 40 });
    const { indices, short } = sampleFewShot(flowers, { shots: 16, seed: 1 });
    expect(new Set(indices).size).toBe(48);
    const perClass = [0, 0, 0];
    for (const index of indices) perClass[flowers.train[index]?.label as number]! += 1;
    expect(perClass).toEqual([16, 16, 16]);
    expect(short).toEqual([]);
  });

  it("draws with replacement from a class with too few, and says so", () => {
    const { indices, short } = sampleFewShot(dataset({ rose: 3, tulip: 8 }), { shots: 8, seed: 1 });
    expect(indices).toHaveLength(16);
    expect(indices.slice(0, 8).every((index) => index < 3)).toBe(true);
    expect(new Set(indices.slice(8)).size).toBe(8);
    expect(short).toEqual([{ className: "rose", available: 3 }]);
  });

  it("depends on the seed and the dataset's name", () => {
    const draw = (seed: number, name?: string) =>
      sampleFewShot(dataset({ rose: 100 }, name), { shots: 8, seed }).indices;
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(1)).not.toEqual(draw(1, "trees"));
  });

  it("keeps the images of fewer shots and of other classes", () => {
    const both = sampleFewShot(dataset({ rose: 50, tulip: 50 }), { shots: 8, seed: 1 }).indices;
    const fewer = sampleFewShot(dataset({ rose: 50, tulip: 50 }), { shots: 4, seed: 1 }).indices;
    const alone = sampleFewShot(dataset({ rose: 50 }), { shots: 8, seed: 1 }).indices;
    expect(fewer.slice(0, 4)).toEqual(both.slice(0, 4));
    expect(alone).toEqual(both.slice(0, 8));
  });

  it("chooses every image about equally often", () => {
    const times = new Array<number>(10).fill(0);
    for (let seed = 0; seed < 2000; seed++) {
      for (const index of sampleFewShot(dataset({ rose: 10 }), { shots: 3, seed }).indices)
        times[index]! += 1;
    }
    // Binomial(2000, 0.3): mean 600, standard deviation 20.5.
    for (const count of times) expect(Math.abs(count - 600)).toBeLessThan(100);
  });

  it("refuses what it cannot draw", () => {
    expect(() => sampleFewShot(dataset({ rose: 3 }), { shots: 0, seed: 1 })).toThrow(
      /expected a positive integer, got 0/,
    );
    expect(() => sampleFewShot(dataset({ rose: 3, tulip: 0 }), { shots: 2, seed: 1 })).toThrow(
      /"tulip" of flowers: expected training images, got none/,
    );
  });
});
