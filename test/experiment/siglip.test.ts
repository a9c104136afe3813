import { join } from "node:path";
import { expect, it } from "vitest";
import { SiglipModel } from "../../lib/clip/index.js";
import { experiment } from "../../lib/index.js";
import { RunDirectory } from "../../lib/protocol/index.js";
import { writeSiglip } from "../clip/siglip.js";
import { needsRealImages, realStream, temporaryFolder, writeConfig } from "../e2e/cli.js";

const options = { iterations: 60, batchSize: 12, rank: 8, learningRate: 0.01, logEvery: 20 };

it.each([
  ["codyra", { kappaMax: 0.01 }],
  ["lora", {}],
])("%s teaches a miniature SigLIP a stream of real images", needsRealImages, async (method, more) => {
  const folder = temporaryFolder();
  const model = writeSiglip(join(folder, "siglip"));
  const stream = realStream({ method, model, protocol: "mtil", cache: false, output: "run" });
  const path = writeConfig(folder, { ...stream, truncate: true, options: { ...options, ...more } });
  const { accuracy, directory } = await experiment.run(await experiment.readConfig(path));
  // The digits are what a random model of this size learns from four images each.
  const digits = accuracy.datasets.indexOf("mnist");
  expect(accuracy.zeroShot![digits]).toBeLessThan(0.5);
  expect(accuracy.matrix[digits]![digits]).toBeGreaterThan(0.7);
  const after = new RunDirectory(directory).openCheckpoint(2)!;
  expect(after).toBeInstanceOf(SiglipModel);
  after.dispose();
});

it("a method that needs a class token is refused before data is read", async () => {
  const folder = temporaryFolder();
  const model = writeSiglip(join(folder, "siglip"));
  const datasets = [{ name: "nowhere", root: "nowhere" }];
  const path = writeConfig(folder, { method: "dac", model, datasets, output: "run" });
  const attempt = experiment.run(await experiment.readConfig(path));
  await expect(attempt).rejects.toThrow("dac: expected a model with a class token");
});
