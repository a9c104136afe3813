import { join } from "node:path";
import { expect, it } from "vitest";
import { experiment } from "../../../lib/index.js";
import { readRanks } from "../../../lib/records/index.js";
import { temporaryFolder, writeConfig } from "../../e2e/cli.js";
import { writeDataset } from "../colours.js";

/** A run of LoRA over one dataset of colours, with another one held out. */
async function probe() {
  const folder = temporaryFolder();
  await writeDataset(join(folder, "colours"));
  const path = writeConfig(folder, {
    method: "lora",
    shots: 2,
    cache: false,
    options: { iterations: 2, batchSize: 2, rank: 1, logEvery: 1, learningRate: 0.02 },
    datasets: [{ name: "colours", root: "colours" }],
    holdOuts: [{ name: "unseen", root: "colours", template: "a sketch of {}." }],
    output: "run",
  });
  return experiment.run(await experiment.readConfig(path));
}

it("removes modules of a task, from TypeScript", async () => {
  const { directory, accuracy } = await probe();
  const steps: string[] = [];
  const observer = { start: (label: string) => void steps.push(label) };
  const modules = ["vision.fc+vision.proj", "vision+text"];
  const result = await experiment.measureRemovals(directory, { task: "colours", modules, observer });
  expect(result).toMatchObject({
    run: directory,
    task: 0,
    dataset: "colours",
    retentionDatasets: ["unseen"],
  });
  // With all adapters the model is the run's, and without any the pre-trained one: the same accuracies.
  expect(Object.values(result.complete.datasets)).toEqual([
    ...accuracy.matrix[0]!,
    ...accuracy.holdOuts!.matrix[0]!,
  ]);
  expect(Object.values(result.before.datasets)).toEqual([
    ...accuracy.zeroShot!,
    ...accuracy.holdOuts!.zeroShot!,
  ]);
  const [some, all] = result.removals;
  expect(some).toMatchObject({ removed: modules[0] });
  expect(all).toMatchObject({ ...result.before, matrices: readRanks(directory)!.modules.length });
  expect(steps.slice(-4)).toEqual([
    "before the task",
    "nothing removed",
    "without vision.fc+vision.proj",
    "without vision+text",
  ]);
  const unknown = experiment.measureRemovals(directory, { modules: ["vision.w"] });
  await expect(unknown).rejects.toThrow("'vision.w' is none of the adapted modules: expected vision.q, ");
  const stopped = experiment.measureRemovals(directory, { signal: AbortSignal.abort() });
  await expect(stopped).rejects.toThrow("abort");

  const [{ step, fromPretrained }] = experiment.measureDrift(directory) as [experiment.TaskDrift];
  expect(step!.total.distance).toBeGreaterThan(0);
  expect(step).toEqual(fromPretrained);
  expect(experiment.recordedChanges(directory)).toMatchObject({ dataset: "colours", rank: 1 });
});
