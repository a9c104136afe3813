import { expect, it } from "vitest";
import * as torch from "../../../lib/torch/index.js";
import { runRanks } from "./ranks.js";

interface Result {
  rank: number;
  members: number[];
  sum: number[];
  avg: number[];
  max: number[];
  fromLast: number[];
  gathered: number[];
  inFlight: number[];
  waitedFor: number[];
  said: unknown;
  all: unknown[];
  refusal: string;
  features: number[];
  gradient: number;
  turned: boolean;
  closing: string;
  after: number[];
}

it.each([2, 3])("%i processes compute together", { timeout: 60_000 }, async (count) => {
  const results = await runRanks<Result>("collectives.mjs", count);
  const ranks = Array.from({ length: count }, (_, rank) => rank);
  const total = (count * (count + 1)) / 2;
  expect(results.map(({ rank }) => rank)).toEqual(ranks);
  for (const result of results) {
    expect(new Set(result.members).size).toBe(count);
    expect(result.sum).toEqual([total, 10 * total]);
    expect(result.avg).toEqual([total / count, (10 * total) / count]);
    expect(result.max).toEqual([count, 10 * count]);
    expect(result.fromLast).toEqual([count, 10 * count]);
    expect(result.gathered).toEqual(ranks.flatMap((rank) => [rank + 1, 10 * (rank + 1)]));
    expect(result.inFlight).toEqual([0, 1, 2, 3, 4].map((i) => count * i));
    expect(result.waitedFor).toEqual([5, 0]);
    expect(result.said).toEqual({ text: "ü", list: [1, null] });
    expect(result.all).toEqual(ranks.map((rank) => (rank === 0 ? null : "x".repeat(rank))));
    expect(result.refusal).toMatch(/expected a contiguous tensor, got a view \[3,2\] with strides 1,3/);
    expect(result.features).toEqual([0, 2, 4, 6, 8, 10, 12]);
    expect(result.gradient).toBe(3 * 2 ** 2 * 91 * 21); // of w³ Σx² Σx at w = 2
    expect(result.turned).toBe(true);
    expect(result.closing).toMatch(
      /^distributed\.close: expected nothing in flight, got 1 collective that nobody waited/,
    );
    expect(result.after).toEqual([0, 1]);
  }
});

it("issues a collective once, also without gradients", { timeout: 60_000 }, async () => {
  const expected = { right: 1000, issued: 1000 };
  expect(await runRanks("many-gathers.mjs", 2)).toEqual([expected, expected]);
});

it("is a group of one without a launcher", async () => {
  const { distributed } = torch;
  await distributed.init();
  expect([distributed.isInitialized(), distributed.rank(), distributed.worldSize()]).toEqual([false, 0, 1]);
  const tensor = torch.tensor([1, 2]);
  distributed.allReduce(tensor);
  expect(distributed.allGather(tensor).toArray()).toEqual([1, 2]);
  expect(distributed.broadcastObject({ a: 1 })).toEqual({ a: 1 });
  expect(distributed.allGatherObjects("a")).toEqual(["a"]);
  expect(distributed.ownRows(5)).toEqual({ start: 0, end: 5 });
  await distributed.close();
});

it.each([
  [7, 3, [3, 3, 1]],
  [2, 3, [1, 1, 0]],
  [4, 3, [2, 2, 0]],
])("%i rows among %i processes are %j", (total, worldSize, sizes) => {
  const rows = sizes.map((_, rank) => torch.distributed.ownRows(total, { rank, worldSize }));
  expect(rows.map(({ start, end }) => end - start)).toEqual(sizes);
  expect(rows.at(-1)?.end).toBe(total);
});
