import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type ContinualMethod, createMethod, type RunContext } from "../../lib/methods/index.js";
import { RunDirectory, type RunRecord } from "../../lib/protocol/index.js";
import { noGrad, version } from "../../lib/torch/index.js";
import { expectClose } from "../clip/fixtures.js";
import { snapshot, tinyClip } from "../lora/models.js";
import { colourTasks } from "../methods/tasks.js";
import { readEvents, readJson, temporaryFolder, tinyOptions, tinyRun } from "./tiny-run.js";

describe("run", () => {
  it("leaves a run directory that says everything", async () => {
    const folder = temporaryFolder();
    const tasks = colourTasks();
    const accuracy = await tinyRun(folder, { tasks, config: { model: "tiny" } });
    expect(readdirSync(folder).sort()).toEqual([
      "adapters",
      "changes",
      "checkpoints",
      "events.jsonl",
      "features",
      "matrix.json",
      "ranks.json",
      "run.json",
    ]);
    expect(readdirSync(join(folder, "checkpoints"))).toEqual(["task-1.safetensors"]);
    expect(readdirSync(join(folder, "adapters"))).toEqual(["task-0", "task-1"]);

    expect(accuracy.datasets).toEqual(["colours", "greys"]);
    expect(accuracy.matrix).toHaveLength(2);
    for (const row of [...accuracy.matrix, accuracy.zeroShot!]) {
      expect(row).toHaveLength(2);
      expect(row.every((value) => value >= 0 && value <= 1)).toBe(true);
    }
    expect(readJson(folder, "matrix.json")).toEqual(accuracy);

    const record = readJson(folder, "run.json") as RunRecord;
    expect(record).toMatchObject({
      formatVersion: 1,
      name: "tiny",
      method: "codyra",
      protocol: "x-tail",
      seed: 8,
    });
    expect(record.config).toMatchObject({
      model: "tiny",
      options: { preset: "paper", rank: 2, denseRatio: 0.5 },
    });
    expect(record.versions).toEqual({
      codyra: expect.any(String),
      libtorch: version(),
      node: process.versions.node,
    });
    expect(record.datasets).toEqual(
      tasks.map(({ name, classes, train, test, fingerprint }) => {
        return {
          name,
          classes,
          template: "a {} photo.",
          trainImages: train.length,
          testImages: test.length,
          fingerprint,
        };
      }),
    );
    expect(Date.parse(record.finishedAt!)).toBeGreaterThanOrEqual(Date.parse(record.startedAt));
    // Rank 2 on two blocks of vision (width 24, MLP 32) and three of text (16, 40). Each has four square
    // matrices and two of the MLP.
    expect(record.trainableParameters).toBe(2 * (2 * (4 * 48 + 2 * 56) + 3 * (4 * 32 + 2 * 56) + 30));
    expect(record.totalParameters).toBe(tinyClip().numParameters());
    expect(record.peakResidentBytes).toBeGreaterThan(50e6);
  });

  it("logs every reported step, task and evaluation once, in order", async () => {
    const folder = temporaryFolder();
    const { matrix, zeroShot } = await tinyRun(folder);
    const events = readEvents(folder);
    expect(events.map(({ kind, task, step }) => [kind, task, step])).toEqual([
      ["evaluation", -1, undefined],
      ["task-start", 0, undefined],
      ["step", 0, 2],
      ["step", 0, 4],
      ["task-end", 0, undefined],
      ["evaluation", 0, undefined],
      ["task-start", 1, undefined],
      ["step", 1, 2],
      ["step", 1, 4],
      ["task-end", 1, undefined],
      ["evaluation", 1, undefined],
    ]);
    const evaluations = events
      .filter(({ kind }) => kind === "evaluation")
      .map(({ accuracy }) => Object.values(accuracy as object));
    expect(evaluations).toEqual([zeroShot, ...matrix]);
    expect(events[2]).toMatchObject({
      dataset: "colours",
      loss: expect.any(Number),
      learningRate: expect.any(Number),
      kappa: 0,
      activeRanks: 60,
    });
    expect(events[1]).toMatchObject({ dataset: "colours", images: 18, classes: 3 });
  });

  it("records the surviving ranks of every module and task", async () => {
    const folder = temporaryFolder();
    await tinyRun(folder);
    const { rank, modules, tasks } = readJson(folder, "ranks.json");
    expect(rank).toBe(2);
    expect(modules).toHaveLength(30);
    expect(modules[0]).toEqual({
      name: "vision_model.encoder.layers.0.self_attn.q_proj",
      encoder: "vision",
      layer: 0,
      target: "q",
    });
    expect(tasks.map(({ dataset }: { dataset: string }) => dataset)).toEqual(["colours", "greys"]);
    const ends = readEvents(folder).filter(({ kind, step }) => kind === "step" && step === 4);
    for (const [t, { active }] of tasks.entries()) {
      expect(active).toHaveLength(30);
      expect(active.reduce((sum: number, count: number) => sum + count)).toBe(ends[t]!.activeRanks);
    }
    expect(ends[0]!.activeRanks).toBeLessThan(60);
  });

  it("keeps the surviving ranks of every task", async () => {
    const folder = temporaryFolder();
    await tinyRun(folder);
    const { modules, tasks } = readJson(folder, "ranks.json");
    for (const [t, { active }] of tasks.entries()) {
      const updates = new RunDirectory(folder).readUpdates(t);
      const ranks = modules.map(({ name }: { name: string }) => updates.get(name)?.loraA.size(0) ?? 0);
      expect(ranks).toEqual(active);
    }
  });

  it("keeps no adapters of a method that has none", async () => {
    const folder = temporaryFolder();
    const options = { iterations: 1, batchSize: 9 };
    await tinyRun(folder, { method: createMethod("finetune", options, "x-tail") });
    expect(readdirSync(folder)).not.toContain("adapters");
    expect(() => new RunDirectory(folder).readUpdates(1)).toThrow(
      /task-1 is missing: expected the adapter of a finished task. Only methods such as codyra and lora keep one/,
    );
  });

  it("can go back to the model after any task", async () => {
    const folder = temporaryFolder();
    const learned: ReturnType<typeof snapshot>[] = [];
    const model = tinyClip();
    const observer = { taskFinished: () => void learned.push(snapshot(model)) };
    await tinyRun(folder, { model, observer });
    for (const task of [0, 1]) {
      const restored = tinyClip();
      new RunDirectory(folder).restoreModel(task, restored);
      const wanted = learned[task + 1]!; // the first one is from before any task
      for (const [key, tensor] of restored.stateDict())
        expectClose(tensor, wanted.get(key)!, { atol: 1e-6, what: `${key} after task ${task}` });
    }
  });

  it("saves the merged model", async () => {
    const folder = temporaryFolder();
    const model = tinyClip();
    await tinyRun(folder, { model });
    const restored = tinyClip();
    noGrad(() => restored.logitScale.fill_(0));
    new RunDirectory(folder).loadCheckpoint(1, restored);
    const saved = snapshot(restored);
    for (const [key, tensor] of model.stateDict()) expect(tensor.equal(saved.get(key)!), key).toBe(true);
  });

  it("gives the same matrix for the same seed, and other weights for another", async () => {
    const [first, second, other] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
    await tinyRun(first);
    await tinyRun(second);
    await tinyRun(other, { seed: 9 });
    const bytes = (folder: string, ...file: string[]) => readFileSync(join(folder, ...file));
    expect(bytes(second, "matrix.json")).toEqual(bytes(first, "matrix.json"));
    expect(bytes(second, "ranks.json")).toEqual(bytes(first, "ranks.json"));
    expect(bytes(second, "checkpoints", "task-1.safetensors")).toEqual(
      bytes(first, "checkpoints", "task-1.safetensors"),
    );
    expect(bytes(other, "checkpoints", "task-1.safetensors")).not.toEqual(
      bytes(first, "checkpoints", "task-1.safetensors"),
    );
  });

  it("evaluates a method that never trains once", async () => {
    const folder = temporaryFolder();
    const accuracy = await tinyRun(folder, { method: createMethod("zero-shot", {}, "x-tail") });
    expect(accuracy.matrix).toEqual([accuracy.zeroShot, accuracy.zeroShot]);
    expect(readEvents(folder).filter(({ kind }) => kind === "evaluation")).toHaveLength(1);
  });

  it("warns of class names in several datasets, where they compete", async () => {
    const [colours] = colourTasks();
    const tasks = [colours!, { ...colours!, name: "again" }];
    const warnings: string[] = [];
    const observer = { warn: (message: string) => void warnings.push(message) };
    for (const protocol of ["x-tail", "mtil"] as const) {
      await tinyRun(temporaryFolder(), {
        tasks,
        observer,
        protocol,
        options: { ...tinyOptions, iterations: 1 },
      });
    }
    expect(warnings).toEqual([
      "Class names in more than one dataset cannot be told apart by name: red, green, blue.",
    ]);
  });

  it("begins with the pre-trained model, also when it goes on, and disposes of the method at the end", async () => {
    const folder = temporaryFolder();
    const calls: string[] = [];
    const pretrained = snapshot(tinyClip());
    const spied = (): ContinualMethod =>
      Object.assign(createMethod("codyra", tinyOptions, "x-tail"), {
        beginRun({ model, taskIndex }: RunContext) {
          const isPretrained = [...model.stateDict()].every(([key, tensor]) =>
            tensor.equal(pretrained.get(key)!),
          );
          calls.push(`begin ${taskIndex}, ${isPretrained ? "pre-trained" : "changed"}`);
        },
        loadState: () => void calls.push("load"),
        dispose: () => void calls.push("dispose"),
      });
    const controller = new AbortController();
    const observer = { taskFinished: (index: number) => index === 0 && controller.abort() };
    const { signal } = controller;
    await expect(tinyRun(folder, { method: spied(), observer, signal })).rejects.toThrow();
    expect(calls.splice(0)).toEqual(["begin -1, pre-trained", "dispose"]);
    await tinyRun(folder, { method: spied(), resume: true });
    expect(calls).toEqual(["begin -1, pre-trained", "load", "dispose"]);
  });

  it("hands reference data to the method and records them", async () => {
    const folder = temporaryFolder();
    const reference = { name: "broad", images: colourTasks()[0]!.train, texts: ["one", "another"] };
    const seen: unknown[] = [];
    const method = {
      ...createMethod("zero-shot", {}, "x-tail"),
      beginRun: (context: RunContext) => void seen.push(context.reference),
    };
    await tinyRun(folder, { method, reference });
    expect(seen).toEqual([reference]);
    const fingerprint = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect(readJson(folder, "run.json").reference).toEqual({
      name: "broad",
      images: 18,
      texts: 2,
      fingerprint,
    });
    const other = { ...reference, texts: ["one", "yet another"] };
    await expect(tinyRun(folder, { method, reference: other, resume: true })).rejects.toThrow(
      `${folder} holds a run that differs in reference.fingerprint:`,
    );
  });

  it("writes nothing when the method refuses the run", async () => {
    const folder = temporaryFolder();
    const method = createMethod("zscl", { iterations: 1 }, "x-tail");
    await expect(tinyRun(folder, { method })).rejects.toThrow(
      "zscl: expected reference images and texts to distil on, got none.",
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it("refuses a stream without tasks", async () => {
    await expect(tinyRun(temporaryFolder(), { tasks: [] })).rejects.toThrow(
      "run: expected at least one task, got none.",
    );
  });

  it("keeps the last good state when the loss is not finite", async () => {
    const folder = temporaryFolder();
    const model = tinyClip();
    const observer = {
      taskStarted(index: number) {
        if (index === 1) noGrad(() => model.logitScale.fill_(Number.NaN));
      },
    };
    await expect(tinyRun(folder, { model, observer })).rejects.toThrow(
      /^The loss is NaN on dataset 'greys' between iterations 1 and 2/,
    );
    expect(readJson(folder, "matrix.json").matrix).toHaveLength(1);
    expect(readdirSync(join(folder, "checkpoints"))).toEqual(["task-0.safetensors"]);
    const uninterrupted = temporaryFolder();
    expect(await tinyRun(folder, { resume: true })).toEqual(await tinyRun(uninterrupted));
  });
});
