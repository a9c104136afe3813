import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { experiment } from "../../lib/index.js";
import { readRun } from "../../lib/report/index.js";
import { temporaryFolder, writeConfig } from "../e2e/cli.js";
import { writeDataset } from "./colours.js";

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
