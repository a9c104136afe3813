import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findRuns, readRun, runLabels } from "../../lib/report/index.js";
import { DATASETS, writeJson, writeRun } from "./fixtures.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "codyra-run-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("readRun", () => {
  it("reads a finished run", () => {
    const run = readRun(writeRun(join(folder, "a"), { method: "codyra" }));
    expect(run.info).toMatchObject({ method: "codyra", protocol: "x-tail", seed: 0 });
    expect(run.accuracy.datasets).toEqual(DATASETS);
    expect(run.metrics?.last.columns).toEqual(run.accuracy.matrix[5]);
    expect(run.steps).toHaveLength(6 * 40);
    expect(run.ranks?.tasks[0]?.active).toHaveLength(run.ranks?.modules.length as number);
  });

  it("reads a run that is still going, without metrics", () => {
    const run = readRun(writeRun(join(folder, "a"), { method: "lora", tasks: 2 }));
    expect(run.accuracy.matrix).toHaveLength(2);
    expect(run.metrics).toBeUndefined();
  });

  it("reads a run that has only begun", () => {
    const directory = writeRun(join(folder, "a"), { method: "lora" });
    for (const file of ["matrix.json", "events.jsonl", "ranks.json"]) rmSync(join(directory, file));
    expect(readRun(directory)).toMatchObject({
      accuracy: { datasets: DATASETS, matrix: [] },
      metrics: undefined,
      steps: [],
      ranks: undefined,
    });
  });

  it("keeps the latest of repeated steps, skips other events and a line cut short", () => {
    const directory = writeRun(join(folder, "a"), { method: "finetune", tasks: 0 });
    const step = (task: number, step: number, loss: number | null) => ({ kind: "step", task, step, loss });
    const events = [step(0, 0, 3), step(0, 10, 2), { kind: "unheard-of" }, step(0, 10, 1), step(1, 0, null)];
    const lines = events.map((event) => `${JSON.stringify(event)}\n`).join("");
    writeFileSync(join(directory, "events.jsonl"), `${lines}{"kind":"step","ta`);
    expect(readRun(directory).steps).toEqual([
      { task: 0, step: 0, loss: 3 },
      { task: 0, step: 10, loss: 1 },
      { task: 1, step: 0, loss: null },
    ]);
  });

  it("adds up what the phases took, and takes the most memory of each", () => {
    const directory = writeRun(join(folder, "a"), { method: "finetune", tasks: 0 });
    const peaks = (peakResidentBytes: number, peakDeviceBytes?: number) => ({
      peakResidentBytes,
      peakDeviceBytes,
    });
    const events = [
      { kind: "evaluation", task: -1, seconds: 1, ...peaks(60) },
      { kind: "task-end", task: 0, seconds: 9, ...peaks(100, 7) },
      { kind: "task-end", task: 0, seconds: 10, ...peaks(90, 8) }, // the task was trained again
      { kind: "evaluation", task: 0, seconds: 2, ...peaks(80) },
    ];
    writeFileSync(
      join(directory, "events.jsonl"),
      events.map((event) => `${JSON.stringify(event)}\n`).join(""),
    );
    expect(readRun(directory).phases).toEqual({
      trainingSeconds: 10,
      evaluationSeconds: 3,
      memory: [
        { phase: "zero-shot", residentBytes: 60, deviceBytes: undefined },
        { phase: "training", residentBytes: 100, deviceBytes: 8 },
        { phase: "evaluation", residentBytes: 80, deviceBytes: undefined },
      ],
    });
  });

  it("says which line of the events is damaged", () => {
    const directory = writeRun(join(folder, "a"), { method: "finetune", tasks: 0 });
    appendFileSync(join(directory, "events.jsonl"), '{"kind":"task-start"}\n{"kind":\n{"kind":"task-end"}\n');
    expect(() => readRun(directory)).toThrow(/events\.jsonl:2: not valid JSON/);
  });

  it("says what is wrong with a description", () => {
    const directory = writeRun(join(folder, "a"), { method: "lora" });
    writeJson(directory, "run.json", { formatVersion: 2, method: "lora" });
    expect(() => readRun(directory)).toThrow(
      /run\.json: unexpected content:\n[\s\S]*formatVersion[\s\S]*protocol/,
    );
    writeFileSync(join(directory, "run.json"), "{");
    expect(() => readRun(directory)).toThrow(/run\.json: not valid JSON/);
  });

  it("refuses a matrix of other datasets, in percent, or with holes", () => {
    const directory = writeRun(join(folder, "a"), { method: "lora", datasets: ["digits", "flags"] });
    const matrix = [
      [0.5, 0.5],
      [0.5, 0.5],
    ];
    writeJson(directory, "matrix.json", { datasets: ["flags", "digits"], matrix });
    expect(() => readRun(directory)).toThrow(
      /expected the datasets of run\.json \(digits, flags\), got flags, digits/,
    );
    writeJson(directory, "matrix.json", { datasets: ["digits", "flags"], matrix: [[50, 50]] });
    expect(() => readRun(directory)).toThrow(/matrix\.json: row 1, column 1 \(digits\): .* from 0 to 1 /);
    writeJson(directory, "matrix.json", { datasets: ["digits", "flags"], matrix: [[0.5]] });
    expect(() => readRun(directory)).toThrow(/matrix\.json: row 1: expected 2 accuracies/);
  });

  it("reads hold-outs, and refuses those of another run", () => {
    const directory = writeRun(join(folder, "a"), { method: "lora", holdOuts: ["cifar100", "places365"] });
    const { info, accuracy } = readRun(directory);
    expect(info.holdOuts?.map(({ name }) => name)).toEqual(["cifar100", "places365"]);
    expect(accuracy.holdOuts?.matrix).toHaveLength(6);
    writeJson(directory, "run.json", { ...info, holdOuts: info.holdOuts?.slice(1) });
    expect(() => readRun(directory)).toThrow(
      /expected the hold-outs of run\.json \(places365\), got cifar100, places365\. The files/,
    );
    writeJson(directory, "run.json", { ...info, holdOuts: undefined });
    expect(() => readRun(directory)).toThrow(/hold-outs of run\.json \(none\), got cifar100, places365/);
  });

  it("refuses rank counts that do not fit the modules", () => {
    const directory = writeRun(join(folder, "a"), { method: "lora" });
    const modules = [{ name: "q_proj", encoder: "text", layer: 0, target: "q" }];
    writeJson(directory, "ranks.json", { rank: 4, modules, tasks: [{ dataset: "digits", active: [1, 2] }] });
    expect(() => readRun(directory)).toThrow(/ranks\.json:[\s\S]*expected 1 counts, one per module, got 2/);
    writeJson(directory, "ranks.json", { rank: 4, modules, tasks: [{ dataset: "digits", active: [5] }] });
    expect(() => readRun(directory)).toThrow(/ranks\.json:[\s\S]*expected at most 4 active ranks, got 5/);
  });

  it("refuses a folder without a run", () => {
    expect(() => readRun(folder)).toThrow(/has no run\.json/);
  });
});

describe("findRuns", () => {
  it("takes a run, or a folder that holds runs at any depth", () => {
    const b = writeRun(join(folder, "b"), { method: "lora" });
    const a = writeRun(join(folder, "a", "seed-1"), { method: "codyra" });
    mkdirSync(join(folder, "cache"));
    expect(findRuns(a)).toEqual([a]);
    expect(findRuns(folder)).toEqual([a, b]);
  });

  it("refuses folders without runs and paths that are not there", () => {
    expect(() => findRuns(folder)).toThrow(/no run\.json in it or below/);
    expect(() => findRuns(join(folder, "none"))).toThrow(/no such folder/);
  });
});

describe("runLabels", () => {
  const label = (...options: { method: string; seed?: number; name?: string }[]) =>
    runLabels(options.map((option, i) => readRun(writeRun(join(folder, String(i)), option))));

  it("is the method, and more only where methods repeat", () => {
    expect(label({ method: "lora" }, { method: "codyra" })).toEqual(["lora", "codyra"]);
    expect(label({ method: "lora" }, { method: "codyra", seed: 1 }, { method: "codyra", seed: 2 })).toEqual([
      "lora",
      "codyra, seed 1",
      "codyra, seed 2",
    ]);
    expect(label({ method: "codyra", name: "rank 4" }, { method: "codyra", name: "rank 8" })).toEqual([
      "rank 4",
      "rank 8",
    ]);
  });
});
