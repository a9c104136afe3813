import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { experiment, methods, torch } from "../../lib/index.js";
import { readRun } from "../../lib/report/index.js";
import { temporaryFolder, writeConfig } from "../e2e/cli.js";
import { writeDataset } from "./colours.js";

it("a class name that is too long for the model is told before images are read", async () => {
  const folder = temporaryFolder();
  await writeDataset(join(folder, "colours"));
  const entry = { name: "colours", root: "colours", classes: { red: "red ".repeat(100), blue: "blue" } };
  const settings = { method: "zero-shot", shots: 1, cache: false, datasets: [entry], output: "run" };
  const config = experiment.readConfig(writeConfig(folder, settings));
  await expect(experiment.run(config)).rejects.toThrow(
    /^Dataset colours: Text "a photo of a red .*expected at most \d+ tokens/,
  );
  expect(existsSync(join(folder, "run"))).toBe(false);
  const { accuracy } = await experiment.run({ ...config, truncate: true });
  expect(accuracy.matrix).toHaveLength(1);
});

it("class names that are the same once they are cut are refused as one name twice is", async () => {
  const folder = temporaryFolder();
  await writeDataset(join(folder, "colours"));
  const long = "colour ".repeat(100);
  const classes = { red: `${long}red`, blue: `${long}blue` };
  const datasets = [{ name: "colours", root: "colours", classes }];
  const settings = { method: "zero-shot", shots: 1, cache: false, truncate: true, datasets, output: "run" };
  const config = experiment.readConfig(writeConfig(folder, settings));
  await expect(experiment.run(config)).rejects.toThrow(
    /^Dataset colours: expected prompts that differ, got the same tokens for "colour .*red" and "colour .*blue"\./,
  );
  expect(existsSync(join(folder, "run"))).toBe(false);
});

it("a configuration runs from TypeScript, and tells what it does", async () => {
  const folder = temporaryFolder();
  await writeDataset(join(folder, "colours"));
  const path = writeConfig(folder, {
    method: "lora",
    shots: 2,
    cache: false,
    options: { iterations: 2, batchSize: 2, rank: 1, logEvery: 1 },
    datasets: [{ name: "colours", root: "colours" }],
    output: "run",
  });
  const config = await experiment.readConfig(path);
  const [labels, kinds, finished] = [[] as string[], [] as string[], [] as number[]];
  const observer = {
    start: (label: string) => void labels.push(label),
    logged: ({ kind }: { kind: string }) => void kinds.push(kind),
    taskFinished: (task: number) => void finished.push(task),
  };
  const { directory, accuracy } = await experiment.run(config, { observer });
  expect(directory).toBe(join(folder, "run"));
  expect(accuracy).toMatchObject({ datasets: ["colours"], matrix: [[expect.any(Number)]] });
  expect(readRun(directory)).toMatchObject({ accuracy, info: { method: "lora" } });
  expect(existsSync(join(directory, "samples.json"))).toBe(true);
  expect(labels[0]).toBe("loading colours");
  expect(kinds).toEqual(["evaluation", "task-start", "step", "step", "task-end", "evaluation"]);
  expect(finished).toEqual([-1, 0]);

  await expect(experiment.run(config)).rejects.toThrow(/holds a run already/);
  expect((await experiment.run(config, { resume: true })).accuracy).toEqual(accuracy);
});

it("a run decodes within its limits, which may be others when it is resumed", async () => {
  const folder = temporaryFolder();
  await writeDataset(join(folder, "colours"));
  const settings = {
    method: "zero-shot",
    cache: false,
    datasets: [{ name: "colours", root: "colours" }],
    output: "run",
  };
  const run = (limits: object, resume = false) =>
    experiment.run(experiment.readConfig(writeConfig(folder, { ...settings, ...limits })), { resume });
  await expect(run({ limitInputPixels: 1 })).rejects.toThrow(/= \d+ pixels, and the limit is 1; raise it/);
  const { directory, accuracy } = await run({ limitInputPixels: 1e6, decodeTimeoutSeconds: 5 });
  expect(readRun(directory).info.config).toMatchObject({ limitInputPixels: 1e6, decodeTimeoutSeconds: 5 });
  expect((await run({}, true)).accuracy).toEqual(accuracy);
});

it("a run whose model has damaged statistics releases the model", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "model");
  cpSync(join(torch.packageRoot, "assets/miniature-clip"), path, { recursive: true });
  torch.safetensors.save(join(path, "codyra_statistics.safetensors"), [["a", torch.ones([1])]]);
  const method = methods.createMethod("statra", {}, "x-tail");
  const run = {
    name: "run",
    protocol: "x-tail",
    method,
    model: { model: path },
    device: "cpu",
    seed: 0,
  } as const;
  const before = torch.memoryStatistics();
  const refused = experiment.runTasks({ ...run, directory: join(folder, "run"), config: {} }, []);
  await expect(refused).rejects.toThrow("expected statistics of version 1");
  expect(torch.memoryStatistics()).toEqual(before);
});
