import { describe, expect, it } from "vitest";
import {
  applyUpdates,
  evenScales,
  keepHighest,
  type LowRankUpdates,
  ofEachRank,
  scaleRanks,
  survivingRanks,
  updateNorm,
  wienerScales,
} from "../../../lib/lora/index.js";
import { noGrad, scope, type Tensor, tensor } from "../../../lib/torch/index.js";
import { snapshot, tinyClip, trainedAdapters } from "../models.js";

const matrix = (values: number[][]): Tensor => tensor(values, { dtype: "float64" });

describe("scaleRanks", () => {
  it("with factors of one is the merged model, with zeros the model before, and in between a line", () => {
    const model = tinyClip();
    const before = snapshot(model);
    const lora = trainedAdapters(model, { rank: 3 });
    const updates = survivingRanks(lora);
    lora.merge();
    const merged = snapshot(model);
    for (const [factor, key] of [
      [1, "merged"],
      [0, "before"],
      [0.25, "between"],
    ] as const) {
      const scaled = tinyClip();
      applyUpdates(scaled, scaleRanks(updates, evenScales(updates, factor)));
      for (const [name, weight] of scaled.stateDict()) {
        const [from, to] = [before.get(name)!, merged.get(name)!];
        const expected = key === "merged" ? to : key === "before" ? from : from.lerp(to, factor);
        expect(weight.sub(expected).abs().max().item(), name).toBeLessThan(key === "before" ? 1e-12 : 2e-6);
      }
    }
  });

  it("that keeps all ranks changes nothing, and that keeps some drops the others", () => {
    const lora = trainedAdapters(tinyClip(), { rank: 3 });
    noGrad(() => lora.importance.fill_(0.7));
    const updates = survivingRanks(lora);
    const all = scaleRanks(updates, keepHighest(evenScales(updates, 1), 1));
    const name = [...updates.keys()][0]!;
    expect(all.get(name)!.loraB.equal(updates.get(name)!.loraB)).toBe(true);
    const scales = new Map([...evenScales(updates, 1), [name, [0, 1, 0]]]);
    const { loraA, loraB } = scaleRanks(updates, scales).get(name)!;
    const given = updates.get(name)!;
    const rankOne = given.loraB.narrow(1, 1, 1).matmul(given.loraA.narrow(0, 1, 1));
    expect(loraB.matmul(loraA).sub(rankOne).abs().max().item()).toBeLessThan(1e-6);
    expect(() => scaleRanks(updates, new Map([[name, [1]]]))).toThrow(
      `scaleRanks: expected 3 scales for ${name}, got 1.`,
    );
  });
});

describe("keepHighest", () => {
  it("chooses among the ranks of all matrices together", () => {
    const scores = new Map([
      ["a", [5, 1, 4]],
      ["b", [3, 9, 0]],
    ]);
    expect(keepHighest(scores, 0.5)).toEqual(
      new Map([
        ["a", [1, 0, 1]],
        ["b", [0, 1, 0]],
      ]),
    );
    expect(keepHighest(scores, 0)).toEqual(
      new Map([
        ["a", [0, 0, 0]],
        ["b", [0, 0, 0]],
      ]),
    );
  });
});

describe("wienerScales", () => {
  const benefit = new Map([
    [
      "a",
      matrix([
        [2, 1],
        [1, 3],
      ]),
    ],
    ["b", matrix([[4]])],
  ]);
  const harm = new Map([
    [
      "a",
      matrix([
        [1, 0.5],
        [0.5, 2],
      ]),
    ],
    ["b", matrix([[1]])],
  ]);

  it("solves (Q + λH) s = Q 1", () => {
    const scales = wienerScales(benefit, harm, 2);
    // [[4, 2], [2, 7]] s = [3, 4] and 6 s = 4, by hand.
    expect(scales.get("a")![0]).toBeCloseTo(13 / 24, 12);
    expect(scales.get("a")![1]).toBeCloseTo(10 / 24, 12);
    expect(scales.get("b")![0]).toBeCloseTo(4 / 6, 12);
    for (const values of wienerScales(benefit, harm, 0).values())
      for (const value of values) expect(value).toBeCloseTo(1, 12);
  });

  it("shrinks evenly where harm is a multiple of benefit", () => {
    const scales = wienerScales(benefit, new Map([...benefit].map(([name, q]) => [name, q.mul(0.5)])), 2);
    for (const values of scales.values()) for (const value of values) expect(value).toBeCloseTo(0.5, 12);
  });

  it("has what each rank does alone on the diagonals", () => {
    expect(ofEachRank(harm)).toEqual(
      new Map([
        ["a", [1, 2]],
        ["b", [1]],
      ]),
    );
  });
});

it("updateNorm is the Frobenius norm of all ΔW together", () => {
  const updates: LowRankUpdates = survivingRanks(trainedAdapters(tinyClip(), { rank: 3 }));
  const squares = scope(() =>
    [...updates.values()].map(({ loraA, loraB }) => loraB.matmul(loraA).square().sum().item()),
  );
  expect(updateNorm(updates) ** 2 / squares.reduce((sum, square) => sum + square, 0)).toBeCloseTo(1, 5);
});
