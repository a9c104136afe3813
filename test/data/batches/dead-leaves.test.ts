import { describe, expect, it } from "vitest";
import { deadLeaves } from "../../../lib/data/index.js";

describe("deadLeaves", () => {
  it("draws the same images from a seed, whatever their number, and others from another", () => {
    using few = deadLeaves({ count: 2, size: 24, seed: 3 });
    using more = deadLeaves({ count: 3, size: 24, seed: 3 });
    using others = deadLeaves({ count: 2, size: 24, seed: 4 });
    expect(few.images.shape).toEqual([2, 3, 24, 24]);
    expect(few.images.dtype).toBe("uint8");
    expect(more.images.narrow(0, 0, 2).equal(few.images)).toBe(true);
    expect(others.images.equal(few.images)).toBe(false);
    expect(few.images.select(0, 0).equal(few.images.select(0, 1))).toBe(false);
  });

  it("covers them with discs of many sizes, alike at every place", () => {
    using set = deadLeaves({ count: 60, size: 32, seed: 0 });
    const images = set.images.float();
    const mean = images.mean([0, 2, 3]).toArray() as number[];
    // Colours are uniform in 0..255; some 60 images of a few large discs each: the mean is within 127.5 ± 15.
    for (const channel of mean) expect(Math.abs(channel - 127.5)).toBeLessThan(15);
    const steps = images
      .narrow(3, 1, 31)
      .ne(images.narrow(3, 0, 31))
      .any(1)
      .float()
      .mean()
      .item();
    expect(steps).toBeGreaterThan(0.05); // edges
    expect(steps).toBeLessThan(0.6); // and areas between them
    const colours = new Set((set.images.select(0, 0).view([3, -1]).t().toArray() as number[][]).map(String));
    expect(colours.size).toBeGreaterThan(10);
  });
});
