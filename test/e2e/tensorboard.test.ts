import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readEventFile } from "../report/tensorboard/records.js";
import { codyra, needsRealImages, realStream, temporaryFolder, writeConfig } from "./cli.js";

const title = "codyra run --tensorboard writes into a folder of the run's own";

it(title, needsRealImages, async () => {
  const board = temporaryFolder();
  for (const stream of [realStream(), realStream({ method: "rail-dual", options: {} })]) {
    const folder = temporaryFolder();
    const config = writeConfig(folder, stream);
    const output = join(folder, "method" in stream ? "regression" : "adapters");
    const args = ["--config", config, "--output", output, "--tensorboard", board];
    const { code, stderr } = await codyra("run", ...args);
    expect(code, stderr).toBe(0);
  }
  expect(readdirSync(board).sort()).toEqual(["adapters", "regression"]);

  const steps = (run: string, tag: string) => {
    const [file] = readdirSync(join(board, run));
    const events = readEventFile(join(board, run, file as string));
    return events.flatMap(({ step, scalars }) => (scalars?.[tag] === undefined ? [] : [step]));
  };
  expect(steps("adapters", "train/loss")).toEqual([5, 10, 15, 20, 25, 30]);
  expect(steps("adapters", "accuracy/satellite")).toEqual([0, 10, 20, 30]);
  expect(steps("regression", "accuracy/satellite")).toEqual([0, 1, 2, 3]); // tasks, where nothing iterates
});
