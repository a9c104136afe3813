import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runRanks } from "../../torch/distributed/ranks.js";
import { temporaryFolder } from "../images.js";

const directory = temporaryFolder();
const script = "../../../data/cache/load-together.mjs";

interface Result {
  readonly decoded: number[];
  readonly values: number[];
  readonly fingerprint: string;
  readonly message: string;
}

it.each([
  [100, [34, 34, 32]],
  [2, [1, 1, 0]],
])(
  "three processes decode their shares of %i images, into one file",
  { timeout: 60_000 },
  async (count, shares) => {
    const cache = join(directory, randomUUID());
    const ranks = await runRanks<Result[]>(script, 3, [cache, String(count)]);
    const all = Array.from({ length: count }, (_, value) => value);
    expect(ranks.map(([first]) => first?.decoded.length)).toEqual(shares);
    expect(ranks.flatMap(([first]) => first?.decoded ?? []).sort((a, b) => a - b)).toEqual(all);
    for (const [first, second] of ranks) {
      expect(first?.values).toEqual(all);
      expect(second).toEqual({ ...first, decoded: [] });
    }
    expect(new Set(ranks.map(([first]) => first?.fingerprint)).size).toBe(1);
    expect(readdirSync(cache).filter((name) => !name.endsWith(".digests"))).toEqual([
      expect.stringMatching(/\.safetensors$/),
    ]);
  },
);

it("tells an image that cannot be read, whoever has it in its share", { timeout: 60_000 }, async () => {
  const cache = join(directory, randomUUID());
  const ranks = await runRanks<Result[]>(script, 2, [cache, "20", "15"]);
  for (const [result] of ranks) expect(result?.message).toContain("it is damaged");
  expect(readdirSync(cache).filter((name) => name.endsWith(".safetensors"))).toEqual([]);
});
