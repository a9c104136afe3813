import { describe, expect, it } from "vitest";
import { type RankHistory, type Run, rankChanges } from "../../lib/report/index.js";

const modules: RankHistory["modules"] = ["q", "k", "v", "o"].map((target) => ({
  name: target,
  encoder: "vision",
  layer: 0,
  target,
}));
const run = (...active: number[][]): Run =>
  ({
    ranks: { rank: 16, modules, tasks: active.map((counts, i) => ({ dataset: `d${i}`, active: counts })) },
  }) as Run;

describe("rankChanges", () => {
  it("marks matrices that chance does not explain, over all tasks and seeds", () => {
    const found = rankChanges([run([14, 8, 8, 2], [14, 8, 8, 2]), run([14, 8, 8, 2], [12, 8, 8, 4])]);
    expect(found).toMatchObject({ rank: 16, share: 0.5 });
    expect(found?.matrices.map(({ active, outside }) => [active, outside])).toEqual([
      [13.5, "above"],
      [8, undefined],
      [8, undefined],
      [2.5, "below"],
    ]);
    expect(found?.expectedOutside).toBeLessThan(4 * 0.05);
  });

  it("marks nothing where all counts are within the band", () => {
    const found = rankChanges([run([9, 7, 8, 8])]);
    expect(found?.matrices.map(({ outside }) => outside)).toEqual(Array(4).fill(undefined));
  });

  it("is undefined without adapters, or where runs adapt different matrices", () => {
    expect(rankChanges([{} as Run])).toBeUndefined();
    const fewer = run([1, 2]);
    fewer.ranks = { rank: 16, modules: modules.slice(2), tasks: [{ dataset: "d", active: [1, 2] }] };
    expect(rankChanges([run([9, 7, 8, 8]), fewer])).toBeUndefined();
  });
});
