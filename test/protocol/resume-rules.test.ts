import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Task } from "../../lib/data/index.js";
import { createMethod } from "../../lib/methods/index.js";
import { metricTables, pageData, readRun, renderTerminal } from "../../lib/report/index.js";
import { noGrad } from "../../lib/torch/index.js";
import { tinyClip } from "../lora/models.js";
import { colourTasks } from "../methods/tasks.js";
import { readEvents, readJson, temporaryFolder, tinyOptions, tinyRun } from "./tiny-run.js";

const options = { ...tinyOptions, iterations: 1 };
const started = {
  model: "a/clip",
  device: "cpu",
  datasets: [{ name: "colours", root: "a/colours" }],
  shots: 4,
};

describe("what may change when a run is resumed", () => {
  it("is where data, model and device are, and is noted", async () => {
    const folder = temporaryFolder();
    await tinyRun(folder, { options, config: started });
    const before = readFileSync(join(folder, "matrix.json"));
    const moved = { ...started, model: "b/clip", device: "cuda", datasets: [{ name: "colours", root: "b" }] };
    await tinyRun(folder, { options, config: moved, resume: true });
    expect(readJson(folder, "run.json").config).toMatchObject(moved);
    expect(readFileSync(join(folder, "matrix.json"))).toEqual(before);
    const changed = () => readEvents(folder).filter(({ kind }) => kind === "resumed");
    expect(changed()).toMatchObject([
      { changed: { model: { from: "a/clip", to: "b/clip" }, device: { from: "cpu", to: "cuda" } } },
    ]);
    await tinyRun(folder, { options, config: moved, resume: true });
    expect(changed()).toHaveLength(1);
  });

  it("is not the weights of the model", async () => {
    const folder = temporaryFolder();
    await tinyRun(folder, { options, config: started });
    const model = tinyClip();
    noGrad(() => model.logitScale.add_(1));
    const attempt = tinyRun(folder, { options, model, config: { ...started, model: "b" }, resume: true });
    await expect(attempt).rejects.toThrow(
      'model: weights or preprocessing of "b" are not those of "a/clip" that the run started from',
    );
  });

  it("is not a dataset, and the message says which and how", async () => {
    const folder = temporaryFolder();
    await tinyRun(folder, { options });
    const [colours, greys] = colourTasks() as [Task, Task];
    const templated = { ...greys, templates: ["another {}."] };
    for (const [tasks, message] of [
      [[greys, colours], "dataset 1: 'colours' in the run, 'greys' now"],
      [[colours], "dataset 2: 'greys' in the run, nothing now"],
      [[colours, templated], "dataset 'greys': templates a {} photo. in the run, another {}. now"],
      [
        [colours, { ...greys, fingerprint: "other" }],
        "dataset 'greys': its images are not those of the run (12 training and 8 test images in the run",
      ],
    ] as const) {
      const attempt = tinyRun(folder, { options, tasks: [...tasks], resume: true });
      await expect(attempt).rejects.toThrow(message);
    }
  });
});

it("a grown run with empty cells is reported", async () => {
  const folder = temporaryFolder();
  const [colours, greys] = colourTasks() as [Task, Task];
  const [again] = colourTasks() as [Task];
  const third = { ...again, name: "shades", classes: ["one", "two", "three"], fingerprint: "shades" };
  const method = () => createMethod("finetune", { iterations: 1, batchSize: 9 }, "mtil");
  const warnings: string[] = [];
  const observer = { warn: (message: string) => void warnings.push(message) };
  for (const tasks of [
    [colours, greys],
    [colours, greys, third],
  ]) {
    await tinyRun(folder, { method: method(), protocol: "mtil", tasks, observer, resume: true });
  }
  expect(warnings).toEqual([
    "After colours, accuracy on shades stays unknown: finetune changes all weights, and only the last task has a checkpoint.",
  ]);
  const run = readRun(folder);
  expect(run.accuracy.matrix[0]![2]).toBeNull();
  expect(run.metrics!.transfer.columns[2]).toBe(run.accuracy.matrix[1]![2]);
  expect(run.metrics!.forgetting.columns.slice(0, 2).every((value) => value !== undefined)).toBe(true);
  expect(metricTables([run]).map((table) => renderTerminal(table, { color: false, width: 80 }))).toHaveLength(
    4,
  );
  expect(pageData([run]).runs[0]!.accuracy.matrix[0]![2]).toBeNull();
});
