import { expect, it } from "vitest";
import { runRanks } from "../torch/distributed/ranks.js";
import { temporaryFolder } from "./tiny-run.js";

const training = { iterations: 4, batchSize: 7, logEvery: 1, learningRate: 1e-3 };
const adapters = { ...training, rank: 3 };

/** Methods with their options, and the collectives of an iteration. */
const cases: readonly (readonly [name: string, options: Record<string, unknown>, collectives: number])[] = [
  ["codyra", adapters, 4], // features of images and of texts, who has gradients with the stop flag, gradients
  ["codyra", { ...adapters, encoders: "vision" }, 3],
  ["codyra", { ...adapters, accumulate: 3 }, 4],
  ["finetune", training, 4],
];

it("an iteration takes no more collectives than it needs", { timeout: 60_000 }, async () => {
  const given = JSON.stringify(cases);
  for (const counts of await runRanks<number[][]>("../../../protocol/counted-runs.mjs", 2, [
    temporaryFolder(),
    given,
  ]))
    expect(counts).toEqual(cases.map(([, , collectives]) => new Array(3).fill(collectives)));
});
