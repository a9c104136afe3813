import { describe, expect, it } from "vitest";
import { binomialBand } from "../../lib/report/index.js";

describe("binomialBand", () => {
  // Exact rational arithmetic in Python, with math.comb.
  it.each([
    { n: 16, p: 83 / 160, low: 4, high: 12, outside: 0.022682909103617994 },
    { n: 8, p: 0.5, low: 1, high: 7, outside: 0.0078125 },
    { n: 480, p: 0.52, low: 228, high: 271, outside: 0.04433403607327993 },
    { n: 16, p: 0.02, low: 0, high: 2, outside: 0.0036853533701796193 },
    { n: 2000, p: 0.001, low: 0, high: 5, outside: 0.01650948041986184 },
  ])("agrees with the exact band of $n trials with probability $p", ({ n, p, low, high, outside }) => {
    const band = binomialBand(n, p);
    expect([band.low, band.high]).toEqual([low, high]);
    expect(band.outside).toBeCloseTo(outside, 12); // sums of up to 2000 rounded terms
  });

  it("is a point where there is no chance", () => {
    expect(binomialBand(16, 0)).toEqual({ low: 0, high: 0, outside: 0 });
    expect(binomialBand(16, 1)).toEqual({ low: 16, high: 16, outside: 0 });
  });
});
