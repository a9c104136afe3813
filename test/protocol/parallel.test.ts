import { join } from "node:path";
import { expect, it } from "vitest";
import { runRanks } from "../torch/distributed/ranks.js";
import { readEvents, readFiles, readJson, temporaryFolder } from "./tiny-run.js";

const training = { iterations: 5, batchSize: 7, logEvery: 1, learningRate: 0.01 };
const adapters = { ...training, rank: 3, kappaMax: 0.05 };

/**
 * Methods with their options. Seven rows among three processes are 3, 3 and 1; two are 1, 1 and 0, and so are
 * the prompts of the second task.
 */
const cases: readonly (readonly [name: string, options: Record<string, unknown>])[] = [
  ["codyra", adapters],
  ["codyra", { ...adapters, loss: "reference", negatives: "seen" }],
  ["codyra", { ...adapters, accumulate: 3, checkpointing: true }],
  ["codyra", { ...adapters, encoders: "vision", batchSize: 2 }],
  ["codyra", { ...adapters, encoders: "text", batchSize: 2 }],
  ["finetune", { ...training, learningRate: 1e-4 }],
];

it("2 and 3 processes give the matrix, ranks and losses of one", { timeout: 240_000 }, async () => {
  const folder = temporaryFolder();
  const runs: string[] = [];
  for (const count of [1, 2, 3]) {
    const directory = join(folder, `${count}`);
    const weights = await runRanks<string[]>("../../../protocol/parallel-runs.mjs", count, [
      directory,
      JSON.stringify(cases),
    ]);
    for (const own of weights) expect(own).toEqual(weights[0]);
    runs.push(directory);
  }
  for (const [i, [name]] of cases.entries()) {
    const [one = "", ...several] = runs.map((directory) => join(directory, String(i)));
    for (const directory of several) {
      expect(readJson(directory, "matrix.json"), name).toEqual(readJson(one, "matrix.json"));
      expect(lossesOf(directory)).toHaveLength(2 * training.iterations);
      for (const [step, loss] of lossesOf(directory).entries()) {
        expect(Math.abs(loss - (lossesOf(one)[step] as number)), `${name} ${i}, step ${step}`).toBeLessThan(
          1e-5,
        );
      }
      if (name !== "finetune") expect(readJson(directory, "ranks.json")).toEqual(readJson(one, "ranks.json"));
      expect(readFiles(directory).map(([path]) => path)).toEqual(readFiles(one).map(([path]) => path));
    }
  }
});

function lossesOf(directory: string): number[] {
  return readEvents(directory).flatMap(({ kind, loss }) => (kind === "step" ? [loss as number] : []));
}
