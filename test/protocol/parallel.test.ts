import { existsSync, readdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runRanks } from "../torch/distributed/ranks.js";
import { readEvents, readFiles, readJson, temporaryFolder } from "./tiny-run.js";

const training = { iterations: 5, batchSize: 7, logEvery: 1, learningRate: 0.01 };
const adapters = { ...training, rank: 3, kappaMax: 0.05 };
// Adam divides by what is almost zero at first: a higher rate makes much of rounding.
const slow = { ...training, learningRate: 1e-4 };
const replay = { pseudoFeatures: 8, wordCount: 20, wordBatch: 3 };

/**
 * Methods with their options, in X-TAIL if nothing else is said. Seven rows among three processes are 3, 3
 * and 1; two are 1, 1 and 0, and so are the prompts of the second task.
 */
const cases: readonly (readonly [name: string, options: Record<string, unknown>, protocol?: string])[] = [
  ["codyra", adapters],
  ["codyra", { ...adapters, loss: "released", negatives: "seen" }],
  ["codyra", { ...adapters, accumulate: 3, checkpointing: true }],
  ["codyra", { ...adapters, encoders: "vision", batchSize: 2 }],
  ["codyra", { ...adapters, encoders: "text", batchSize: 2 }],
  ["lora", { ...training, rank: 3 }],
  ["finetune", slow],
  ["finetune", { ...slow, replay }],
  ["wise-ft", slow],
  ["lwf", slow],
  ["lwf-vr", { ...slow, sentences: 8 }],
  ["icarl", { ...slow, memory: 11 }],
  ["zscl", { ...slow, ensembleEvery: 2, consolidation: 10 }],
  ["keeplora", { ...slow, rank: 3 }],
  ["keeplora", { ...slow, rank: 3, variant: "pp-cls", preset: "released" }, "mtil"],
  ["statra", { ...slow, ...replay, rank: 3, crops: 2, imageLearningRate: 1e-4 }],
  ["rail-primal", { hiddenDim: 20 }],
  ["rail-dual", {}],
  ["codyra+rail-primal", { ...adapters, rail: { hiddenDim: 20 } }],
  ["zero-shot", {}],
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
      const about = `${name} ${i}`;
      expect(readJson(directory, "matrix.json"), about).toEqual(readJson(one, "matrix.json"));
      expect(readFiles(directory).map(([path]) => path)).toEqual(readFiles(one).map(([path]) => path));
      if (existsSync(join(one, "ranks.json")))
        expect(readJson(directory, "ranks.json"), about).toEqual(readJson(one, "ranks.json"));
      const [losses, wanted] = [lossesOf(directory), lossesOf(one)];
      expect(losses).toHaveLength(wanted.length);
      const furthest = Math.max(0, ...losses.map((loss, step) => Math.abs(loss - (wanted[step] as number))));
      expect(furthest, about).toBeLessThan(1e-5);
    }
  }
});

it.each([
  ["seed", "configuration"],
  ["dataset", "dataset 'dim'"],
  ["weights", "weights"],
])("another %s on one rank is refused by all, by its name", { timeout: 60_000 }, async (other, named) => {
  const folder = temporaryFolder();
  const runs = [folder, JSON.stringify([["codyra", adapters]]), other];
  const told = await runRanks<{ message: string }>("../../../protocol/parallel-runs.mjs", 2, runs);
  for (const { message } of told) {
    expect(message).toContain(
      `Rank 1 on ${hostname()} differs from rank 0 on ${hostname()} in ${named}: expected`,
    );
  }
  expect(readdirSync(join(folder, "0"))).toEqual([]);
});

it("a method that cannot be divided is refused by its name", { timeout: 60_000 }, async () => {
  const runs = [temporaryFolder(), JSON.stringify([["dac", training]])];
  const told = await runRanks<{ message: string }>("../../../protocol/parallel-runs.mjs", 2, runs);
  for (const { message } of told) expect(message).toMatch(/^Method dac: expected one process, got 2\./);
});

function lossesOf(directory: string): number[] {
  return readEvents(directory).flatMap(({ kind, loss }) => (kind === "step" ? [loss as number] : []));
}
