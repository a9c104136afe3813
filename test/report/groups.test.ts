import { describe, expect, it } from "vitest";
import { groupRuns, type Run } from "../../lib/report/index.js";

const run = (method: string, seed: number, options: Record<string, unknown> = {}, name = "run"): Run =>
  ({ info: { method, seed, name, config: { shots: 16, options } } }) as Run;
const groups = (...runs: Run[]) =>
  groupRuns(runs).map(({ label, runs }) => [label, runs.map(({ info }) => info.seed)]);

describe("groupRuns", () => {
  it("puts the seeds of one configuration together", () => {
    expect(groups(run("lora", 1), run("codyra", 1), run("lora", 2))).toEqual([
      ["lora", [1, 2]],
      ["codyra", [1]],
    ]);
  });

  it("names what configurations of one method differ in", () => {
    expect(
      groups(run("lora", 1, { rank: 4 }), run("lora", 1, { rank: 8 }), run("lora", 2, { rank: 8 })),
    ).toEqual([
      ["lora, rank 4", [1]],
      ["lora, rank 8", [1, 2]],
    ]);
    expect(groups(run("lora", 1, { rank: 4 }), run("lora", 1))).toEqual([
      ["lora, rank 4", [1]],
      ["lora, rank –", [1]],
    ]);
  });

  it("falls back to the name where the configuration does not tell, or tells too much", () => {
    expect(groups(run("lora", 1, {}, "first"), run("lora", 1, {}, "again"))).toEqual([
      ["lora (first)", [1]],
      ["lora (again)", [1]],
    ]);
    expect(groups(run("lora", 1, { a: 1, b: 1, c: 1, d: 1 }, "one"), run("lora", 1, {}, "two"))).toEqual([
      ["lora (one)", [1]],
      ["lora (two)", [1]],
    ]);
  });
});
