import { describe, expect, it } from "vitest";
import { rankStatistics } from "../../../lib/report/figures/rank-statistics.js";

const module = (encoder: "vision" | "text", layer: number, target: string) => ({
  name: `${encoder}.${layer}.${target}`,
  encoder,
  layer,
  target,
});
const modules = [
  module("vision", 0, "q"),
  module("vision", 0, "fc"),
  module("vision", 1, "q"),
  module("vision", 1, "fc"),
  module("text", 0, "q"),
];

describe("rankStatistics", () => {
  const statistics = rankStatistics({ rank: 8, modules }, [[8, 4, 2, 4, 0]], 0.5);

  it("sums and averages over layers and over modules", () => {
    expect(statistics.all).toMatchObject({ sum: 18, mean: 3.6 });
    expect(
      statistics.modules.map(({ encoder, target, sum, mean, std }) => [encoder, target, sum, mean, std]),
    ).toEqual([
      ["vision", "q", 10, 5, Math.sqrt(18)],
      ["vision", "fc", 8, 4, 0],
      ["text", "q", 0, 0, 0],
    ]);
    expect(statistics.layers.map(({ encoder, layer, mean }) => [encoder, layer, mean])).toEqual([
      ["vision", 0, 6],
      ["vision", 1, 3],
      ["text", 0, 0],
    ]);
  });

  it("draws the band of binomial noise around the expected count", () => {
    // Binomial(8, 1/2): P(0) = P(8) = 1/256 are outside of 1..7. Two matrices, Binomial(16, 1/2): 4..12.
    expect(statistics.matrices[0]).toMatchObject({ low: 1, high: 7, outside: "above" });
    expect(statistics.matrices.map(({ outside }) => outside)).toEqual(["above", null, null, null, "below"]);
    expect(statistics.modules[0]).toMatchObject({ low: 2, high: 6, outside: null });
    expect(statistics.expectedOutside).toBeCloseTo((5 * 2) / 256, 12);
  });

  it("narrows the band with the runs it averages over", () => {
    const draws = [
      [6, 4, 2, 4, 5],
      [7, 4, 4, 4, 3],
      [5, 4, 3, 4, 4],
    ];
    const { matrices } = rankStatistics({ rank: 8, modules }, draws, 0.5);
    // Binomial(24, 1/2): 7..17, over three.
    expect(matrices[0]!.mean).toBe(6);
    expect(matrices[0]!.low).toBeCloseTo(7 / 3, 12);
    expect(matrices[0]!.high).toBeCloseTo(17 / 3, 12);
    expect(matrices.map(({ outside }) => outside)).toEqual(["above", null, null, null, null]);
  });

  it("takes the share that survived where none is expected", () => {
    const { share } = rankStatistics({ rank: 8, modules }, [[8, 4, 2, 4, 2]]);
    expect(share).toBeCloseTo(20 / 40, 12);
  });
});
