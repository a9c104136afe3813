import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { analyzeCommand } from "../../../lib/cli/commands/analyze.js";
import { createMethod } from "../../../lib/methods/index.js";
import { fixture } from "../../clip/fixtures.js";
import { readJson, temporaryFolder, tinyRun } from "../../protocol/tiny-run.js";

afterEach(() => vi.restoreAllMocks());

async function analyze(...args: string[]): Promise<string> {
  const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const command = analyzeCommand();
  for (const each of [command, ...command.commands])
    each.exitOverride().configureOutput({ writeErr: () => {} });
  await command.parseAsync(args, { from: "user" });
  const output = written.mock.calls.map(([text]) => text).join("");
  vi.restoreAllMocks();
  return output;
}

const loraOptions = { iterations: 4, batchSize: 9, learningRate: 0.01, rank: 4 };
const options = { ...loraOptions, kappaMax: 0.5 };

/** A finished run of two tasks. */
async function finishedRun(name = "codyra", given: Record<string, unknown> = options): Promise<string> {
  const run = join(temporaryFolder(), name);
  await tinyRun(run, {
    method: createMethod(name, given, "x-tail"),
    config: { model: fixture("quick-gelu") },
  });
  return run;
}

describe("codyra analyze ranks", () => {
  it("counts the active ranks of a task, per matrix, module and layer", async () => {
    const run = await finishedRun();
    const { tasks } = readJson(run, "ranks.json");
    const result = JSON.parse(await analyze("ranks", "--run", run, "--task", "greys", "--json"));
    expect(result).toMatchObject({ datasets: ["greys"], rank: 4, draws: 1 });
    expect(result.matrices.map(({ mean }: { mean: number }) => mean)).toEqual(tasks[1].active);
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    expect(result.all.sum).toBe(sum(tasks[1].active));
    expect(sum(result.layers.map((layer: { sum: number }) => layer.sum))).toBe(result.all.sum);
    // Two sparse iterations, at the first level and the last: P(|N(0, 1)| > 0 + 0.5).
    expect(result.share).toBeCloseTo(0.6171, 4);
    const table = await analyze("ranks", "--run", run);
    expect(table).toMatch(
      /^Active ranks of 4, mean over 2 tasks\nMatrix +1 +2 +3 +Sum +Mean +Std +Low +High$/m,
    );
    expect(table).toMatch(/^vision q( +\d\S*){2} +– /m); // its layers are two, the text encoder has three
  });

  it("names the tasks there are, and refuses runs without adapters", async () => {
    await expect(analyze("ranks", "--run", await finishedRun(), "--task", "blues")).rejects.toThrow(
      "There is no finished task 'blues': expected one of colours (0), greys (1).",
    );
    await expect(analyze("ranks", "--run", await finishedRun("zero-shot", {}))).rejects.toThrow(
      /expected ranks of a finished task, got none\. Give a run of codyra or lora\.$/,
    );
  });
});

describe("codyra analyze amplification", () => {
  it.each([
    ["codyra", options],
    ["lora", loraOptions],
  ])("gives for %s what the run recorded, or what its adapters tell", async (name, given) => {
    const run = await finishedRun(name, given);
    const recorded = JSON.parse(await analyze("amplification", "--run", run, "--json"));
    rmSync(join(run, "changes"), { recursive: true });
    const computed = JSON.parse(await analyze("amplification", "--run", run, "--json"));
    expect(computed).toMatchObject({ dataset: "greys", rho: "rank" });
    const factors = (result: typeof recorded) =>
      result.modules.map((module: { amplification: number }) => module.amplification);
    expect(factors(recorded)).toHaveLength(30);
    for (const [i, factor] of factors(computed).entries()) {
      // Weights are added up again, adapter by adapter: 1e-4 relative.
      expect(Math.abs(factor - factors(recorded)[i]) / Math.max(factor, 1e-9)).toBeLessThan(1e-4);
    }
    const first = readJson(run, "changes", "task-0.json").modules[0];
    const atOne = JSON.parse(
      await analyze("amplification", "--run", run, "--task", "0", "--rho", "1", "--json"),
    );
    expect(atOne.modules[0].amplification).toBe(first.deltaNorm / first.projectedNorms[0]);
  });
});

describe("codyra analyze drift", () => {
  it("follows the adapters from task to task", async () => {
    const run = await finishedRun();
    const file = join(run, "..", "drift.json");
    expect(await analyze("drift", "--run", run, "--to", file)).toMatch(
      /^After task +ΔW +vision +text +distance +relative$/m,
    );
    const { tasks } = readJson(file);
    const norm = (task: number) =>
      Math.sqrt(
        readJson(run, "changes", `task-${task}.json`).modules.reduce(
          (sum: number, { deltaNorm }: { deltaNorm: number }) => sum + deltaNorm ** 2,
          0,
        ),
      );
    for (const task of [0, 1]) expect(tasks[task].step.total.distance / norm(task)).toBeCloseTo(1, 4);
    expect(tasks[0].fromPretrained).toEqual(tasks[0].step);
    expect(tasks[1].fromPretrained.total.distance).toBeLessThanOrEqual(norm(0) + norm(1));
  });

  it("knows only the last model of methods without adapters", async () => {
    const run = await finishedRun("finetune", { iterations: 2, batchSize: 9, learningRate: 0.01 });
    const { tasks } = JSON.parse(await analyze("drift", "--run", run, "--json"));
    expect(tasks[0]).toEqual({ dataset: "colours", step: null, fromPretrained: null });
    expect(tasks[1].step).toBeNull();
    expect(tasks[1].fromPretrained.total.distance).toBeGreaterThan(0);
  });
});

describe("codyra analyze frontier", () => {
  it("refuses what does not go together", async () => {
    const run = await finishedRun();
    await expect(analyze("frontier", "--run", run, "--config", "shop.yaml")).rejects.toThrow(
      "Expected --run or --config, got both.",
    );
    await expect(analyze("frontier", "--run", run, "--seeds", "1")).rejects.toThrow(
      "A run has its seed and options already",
    );
    await expect(analyze("frontier", "--run", run)).rejects.toThrow(
      "The run does not say where its datasets were",
    );
    await expect(analyze("frontier", "--tasks", "blues")).rejects.toThrow(
      "There is no dataset 'blues': expected one of animals (0), ",
    );
    await expect(analyze("frontier", "--option", "gates=some")).rejects.toThrow();
    await expect(analyze("frontier", "--seeds", "x")).rejects.toThrow(
      "Expected a whole number of at least 0.",
    );
  });
});

it.each(["ranks", "amplification", "remove", "drift", "frontier"])(
  "codyra analyze %s names a folder without a run",
  async (name) => {
    const folder = temporaryFolder();
    await expect(analyze(name, "--run", folder)).rejects.toThrow(`${folder}: expected a run directory`);
  },
);

it("documents formula and source of each", () => {
  const help = analyzeCommand().commands.map((command) => {
    let text = "";
    command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
    return text;
  });
  expect(help).toHaveLength(6);
  for (const text of help) expect(text).toMatch(/arXiv:2412\.01004/);
});
