import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { exportCommand } from "../../../lib/cli/commands/export.js";
import { createModel, type DualEncoder, loadModel, saveModel } from "../../../lib/clip/index.js";
import type { Task } from "../../../lib/data/index.js";
import { applyUpdates, loadAdapter } from "../../../lib/lora/index.js";
import { createMethod } from "../../../lib/methods/index.js";
import { readStatistics, writeStatistics } from "../../../lib/protocol/index.js";
import { expectClose, fixture } from "../../clip/fixtures.js";
import { snapshot, tinyClip } from "../../lora/models.js";
import { colourTasks } from "../../methods/tasks.js";
import { readEvents, readJson, temporaryFolder, tinyRun } from "../../protocol/tiny-run.js";

afterEach(() => vi.restoreAllMocks());

async function codyraExport(...args: string[]): Promise<string> {
  const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const command = exportCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  await command.parseAsync(args, { from: "user" });
  return written.mock.calls.map(([text]) => text).join("");
}

/** A finished run of two tasks. @returns its directory, and the models after each task */
async function finishedRun(
  method = createMethod("codyra", codyraOptions, "x-tail"),
  base = fixture("quick-gelu"),
) {
  const folder = temporaryFolder();
  const run = join(folder, "run");
  const learned: ReturnType<typeof snapshot>[] = [];
  const model = loadModel(base);
  onTestFinished(() => model.dispose());
  const observer = { taskFinished: () => void learned.push(snapshot(model)) };
  await tinyRun(run, { model, method, observer, config: { model: base } });
  return { folder, run, learned: learned.slice(1) };
}

const codyraOptions = { iterations: 4, batchSize: 9, learningRate: 0.01, rank: 2, kappaMax: 0.2 };

function expectState(model: DualEncoder, wanted: ReturnType<typeof snapshot>): void {
  for (const [key, tensor] of model.stateDict())
    expectClose(tensor, wanted.get(key)!, { atol: 1e-6, what: key });
}

describe("codyra export", () => {
  it("writes the model after the last task, or after another", async () => {
    const { folder, run, learned } = await finishedRun();
    for (const [args, task] of [
      [[], 1],
      [["--task", "greys"], 1],
      [["--task", "colours"], 0],
      [["--task", "0"], 0],
    ] as const) {
      const target = join(folder, `model${args.join("")}`);
      expect(await codyraExport("--run", run, "--to", target, ...args)).toBe(`${target}\n`);
      expect(readdirSync(target)).toEqual(
        expect.arrayContaining(["config.json", "model.safetensors", "tokenizer.json"]),
      );
      expectState(loadModel(target), learned[task]!);
      vi.restoreAllMocks();
    }
  });

  it("writes the model for open_clip", async () => {
    const { folder, run, learned } = await finishedRun();
    const target = join(folder, "open-clip");
    await codyraExport("--run", run, "--to", target, "--format", "open-clip");
    expect(readdirSync(target)).toEqual(
      expect.arrayContaining(["open_clip_config.json", "open_clip_model.safetensors"]),
    );
    expectState(loadModel(target), learned[1]!);
  });

  it("writes the model for OpenAI's package", async () => {
    const base = join(temporaryFolder(), "base");
    const { config, assets } = tinyClip();
    const tower = { width: 64, heads: 1, mlpWidth: 256 };
    const text = { ...config.text, ...tower };
    const vision = { ...config.vision, ...tower };
    saveModel(createModel({ ...config, text, vision }, { assets }), base);
    const { folder, run, learned } = await finishedRun(undefined, base);
    const target = join(folder, "model.pt");
    expect(await codyraExport("--run", run, "--to", target, "--format", "openai")).toBe(`${target}\n`);
    expectState(loadModel(target, { allowPickle: true }), learned[1]!);
  });

  it("says why the model cannot be OpenAI's, and writes nothing", async () => {
    const { folder, run } = await finishedRun();
    const target = join(folder, "model.pt");
    await expect(codyraExport("--run", run, "--to", target, "--format", "openai")).rejects.toThrow(
      "This model cannot be written for OpenAI's CLIP.",
    );
    expect(existsSync(target)).toBe(false);
  });

  it("writes the adapter of all tasks for the model that the run started from", async () => {
    const { folder, run, learned } = await finishedRun();
    const target = join(folder, "adapter");
    await codyraExport("--run", run, "--to", target, "--format", "peft");
    const config = JSON.parse(readFileSync(join(target, "adapter_config.json"), "utf8"));
    expect(config.base_model_name_or_path).toBe(fixture("quick-gelu"));
    const model = tinyClip();
    applyUpdates(model, loadAdapter(target));
    expectState(model, learned[1]!);
  });

  it("writes the adapter of one task for the model before it", async () => {
    const { folder, run, learned } = await finishedRun();
    const model = tinyClip();
    for (const [task, base] of [
      ["colours", fixture("quick-gelu")],
      ["greys", null],
    ] as const) {
      const target = join(folder, task);
      await codyraExport("--run", run, "--to", target, "--format", "peft", "--task", task);
      const config = JSON.parse(readFileSync(join(target, "adapter_config.json"), "utf8"));
      expect(config.base_model_name_or_path).toBe(base);
      applyUpdates(model, loadAdapter(target));
    }
    expectState(model, learned[1]!);
  });

  it("says that an adapter without ranks would be empty", async () => {
    const { folder, run } = await finishedRun(
      createMethod("codyra", { ...codyraOptions, denseRatio: 0, kappaMax: 10 }, "x-tail"),
    );
    await expect(
      codyraExport("--run", run, "--to", join(folder, "adapter"), "--format", "peft"),
    ).rejects.toThrow(/no rank survived, so the adapter would be empty\. Use its base model as it is\.$/);
  });

  it("says which methods keep adapters", async () => {
    const { folder, run, learned } = await finishedRun(
      createMethod("finetune", { iterations: 1, batchSize: 9 }, "x-tail"),
    );
    const message =
      /adapters\/task-0 is missing: expected the adapter of a finished task\. Only methods such as/;
    const target = join(folder, "out");
    await expect(codyraExport("--run", run, "--to", target, "--format", "peft")).rejects.toThrow(message);
    await expect(codyraExport("--run", run, "--to", target, "--task", "0")).rejects.toThrow(message);
    expect(existsSync(target)).toBe(false);
    await codyraExport("--run", run, "--to", target);
    expectState(loadModel(target), learned[1]!);
  });

  it("writes what a method knows of learned classes, from which another run goes on", async () => {
    const statra = { iterations: 2, batchSize: 9, rank: 2, wordCount: 10, crops: 1 };
    const { folder, run } = await finishedRun(createMethod("statra", statra, "x-tail"));
    const target = join(folder, "model");
    await codyraExport("--run", run, "--to", target);
    const model = loadModel(target);
    const inherited = readStatistics(model, target)!;
    expect(inherited.data).toMatchObject({ groups: [{ name: "colours" }, { name: "greys" }] });
    const ofFile = readStatistics(model, join(target, "model.safetensors"))!;
    expect(ofFile.data).toEqual(inherited.data);
    const other = loadModel(fixture("quick-gelu"));
    expect(() => readStatistics(other, target)).toThrow(
      /codyra_statistics\.safetensors: expected statistics of the model that it was exported with, got other weights in .*Export both again/,
    );

    const [{ name, ...task }] = colourTasks() as [Task];
    const tasks = [{ name: "later", ...task }];
    const method = createMethod("lora", { iterations: 2, batchSize: 9, rank: 2, replay: true }, "x-tail");
    const later = join(folder, "later");
    await tinyRun(later, { model, tasks, inherited, method });
    expect(readJson(later, "run.json").inherited).toEqual({
      datasets: [
        { name: "colours", classes: 3 },
        { name: "greys", classes: 2 },
      ],
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const again = loadModel(target);
    const withoutThem = tinyRun(later, { model: again, tasks, method, resume: true });
    await expect(withoutThem).rejects.toThrow(
      /differs in inherited statistics: expected the same .*\n {2}statistics beside the model: those of colours, greys in the run, none now/s,
    );
    const plain = join(folder, "plain");
    await tinyRun(plain, { model, tasks, method });
    expect(readJson(plain, "run.json").inherited).toBeNull();
    await expect(tinyRun(plain, { model, tasks, inherited, method, resume: true })).rejects.toThrow(
      /statistics beside the model: none in the run, those of colours, greys now/,
    );
    const events = readEvents(later).filter(({ kind }) => kind === "statistics");
    expect(events).toMatchObject([{ dataset: "later", classes: 3 + 2 + 3 }]);

    const warned = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    await codyraExport("--run", run, "--to", join(folder, "first"), "--task", "colours");
    expect(warned.mock.lastCall![0]).toMatch(/kept after the last task only/);
    expect(readStatistics(model, join(folder, "first"))).toBeUndefined();
    for (const each of [model, other, again, ...inherited.tensors.values(), ...ofFile.tensors.values()])
      each.dispose();
  });

  it.each(["codyra-routed", "codyra+rail-dual"])("writes what %s has in the part of CoDyRA", async (name) => {
    const options = { iterations: 2, batchSize: 9, rank: 2, replay: { wordCount: 10 } };
    const { folder, run } = await finishedRun(createMethod(name, options, "x-tail"));
    const target = join(folder, "model");
    await codyraExport("--run", run, "--to", target);
    const model = loadModel(target);
    onTestFinished(() => model.dispose());
    const { tensors, data } = readStatistics(model, target)!;
    expect(data).toMatchObject({ groups: [{ name: "colours" }, { name: "greys" }] });
    expect([...tensors.keys()].sort()).toEqual(["anchors.features", "statistics.means", "statistics.spread"]);
    for (const tensor of tensors.values()) tensor.dispose();
  });

  it("says where the statistics of learned classes are damaged", () => {
    const folder = temporaryFolder();
    const state = createMethod("statra", {}, "x-tail").state();
    const model = tinyClip();
    onTestFinished(() => model.dispose());
    writeStatistics(folder, { ...state, data: { ...state.data, images: ["many"] } }, model);
    expect(() => readStatistics(model, folder)).toThrow(
      /codyra_statistics.safetensors: expected statistics of version 1, got .*Export the model again/s,
    );
  });

  it("overwrites nothing", async () => {
    const { folder, run } = await finishedRun();
    await expect(codyraExport("--run", run, "--to", folder)).rejects.toThrow(
      `${folder} is there already: expected a new path. Name another one.`,
    );
    expect(readdirSync(folder)).toEqual(["run"]);
  });

  it.each(["2", "-1", "1.5", "", "roses"])("refuses the task '%s' as wrong usage", async (task) => {
    const { folder, run } = await finishedRun();
    const attempt = codyraExport("--run", run, "--to", join(folder, "out"), `--task=${task}`);
    await expect(attempt).rejects.toMatchObject({
      name: "UsageError",
      message: `There is no finished task '${task}': expected one of colours (0), greys (1).`,
    });
  });

  it("refuses a folder that is no run", async () => {
    const folder = temporaryFolder();
    await expect(codyraExport("--run", folder, "--to", join(folder, "out"))).rejects.toThrow(
      `${folder}: expected a run directory, but it has no run.json. Give a folder made by codyra run.`,
    );
  });
});
