import { join } from "node:path";
import { expect, it } from "vitest";
import { Progress } from "../../../lib/cli/output/progress.js";
import { experiment } from "../../../lib/index.js";
import { readRanks } from "../../../lib/records/index.js";
import { temporaryFolder, writeConfig } from "../../e2e/cli.js";
import { writeDataset } from "../colours.js";

/** A run of LoRA over one dataset of colours, or two, with another one held out. */
async function probe(options: object = {}, second: readonly object[] = []) {
  const folder = temporaryFolder();
  await writeDataset(join(folder, "colours"));
  const path = writeConfig(folder, {
    method: "lora",
    shots: 2,
    cache: false,
    options: { iterations: 2, batchSize: 2, rank: 1, logEvery: 1, learningRate: 0.02, ...options },
    datasets: [{ name: "colours", root: "colours" }, ...second],
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

it("names that were not learned are read as the run reads them", async () => {
  const replay = { unlearnedTexts: "first", wordCount: 5, wordBatch: 2 };
  const later = {
    name: "later",
    root: "colours",
    template: "a drawing of {}.",
    classes: { red: "ruby", blue: "sky" },
  };
  const { directory, accuracy } = await probe({ replay, learningRate: 0.3, iterations: 4 }, [later]);
  const rows = [accuracy.zeroShot!, ...accuracy.matrix];
  const ofHoldOuts = [accuracy.holdOuts!.zeroShot!, ...accuracy.holdOuts!.matrix];
  for (const task of [0, 1]) {
    const { before, complete } = await experiment.measureRemovals(directory, {
      task: String(task),
      modules: ["text"],
    });
    expect(Object.values(before.datasets)).toEqual([...rows[task]!, ...ofHoldOuts[task]!]);
    expect(Object.values(complete.datasets)).toEqual([...rows[task + 1]!, ...ofHoldOuts[task + 1]!]);
  }
  const signal = new AbortController().signal;
  const watch = { progress: new Progress(), signal };
  let task = 0;
  for await (const each of experiment.openCases({ run: directory, tasks: ["0", "1"] }, watch).cases()) {
    const points = await experiment.measureFrontier(each, { draws: 1, images: 2, probes: 2, ...watch });
    const of = (row: readonly number[]) => ({ own: row[task], others: row[1 - task] });
    expect(points[0]).toMatchObject({ name: "before learning", "x-tail": of(rows[task]!) });
    expect(points[1]).toMatchObject({ name: "nothing (α = 1)", "x-tail": of(rows[task + 1]!) });
    task += 1;
  }
  expect(task).toBe(2);
});
