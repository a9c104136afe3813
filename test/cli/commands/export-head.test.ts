import { cpSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { classifyCommand } from "../../../lib/cli/commands/classify.js";
import { exportCommand } from "../../../lib/cli/commands/export.js";
import { loadModel } from "../../../lib/clip/index.js";
import type { Task } from "../../../lib/data/index.js";
import { type Classifier, type ContinualMethod, createMethod } from "../../../lib/methods/index.js";
import { openHead } from "../../../lib/protocol/index.js";
import * as torch from "../../../lib/torch/index.js";
import { fixture } from "../../clip/fixtures.js";
import { writeSiglip } from "../../clip/siglip.js";
import { writePicture } from "../../data/images.js";
import { colourTasks } from "../../methods/tasks.js";
import { everyVariant, tinyReference } from "../../protocol/tiny-methods.js";
import { temporaryFolder, tinyRun } from "../../protocol/tiny-run.js";

afterEach(() => vi.restoreAllMocks());

type Protocol = "x-tail" | "mtil";
type Scores = number[][];

async function codyraExport(...args: string[]): Promise<void> {
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const command = exportCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  await command.parseAsync(args, { from: "user" });
}

/** Has a method note the scores of everything that it classifies. */
function noteScores(method: ContinualMethod): Scores[] {
  const seen: Scores[] = [];
  const noting = (classify: Classifier): Classifier => {
    return (input, dataset) => {
      const scores = classify(input, dataset);
      seen.push(scores.toArray() as Scores);
      return scores;
    };
  };
  for (const name of ["classifier", "featureClassifier"] as const) {
    const original = method[name]?.bind(method);
    if (original)
      Object.assign(method, { [name]: (...args: Parameters<typeof original>) => noting(original(...args)) });
  }
  return seen;
}

/** A run of two tasks. @returns the scores of each task's test images, after each task */
async function finishedRun(
  name: string,
  options: Record<string, unknown>,
  protocol: Protocol,
  base = fixture("quick-gelu"),
) {
  const run = join(temporaryFolder(), "run");
  const model = loadModel(base);
  onTestFinished(() => model.dispose());
  const method = createMethod(name, options, protocol);
  const seen = noteScores(method);
  const [tasks, reference] = [colourTasks(), tinyReference()];
  await tinyRun(run, { model, method, protocol, tasks, reference, config: { model: base } });
  const [zeroShot, ...rows] = Array.from({ length: seen.length / 2 }, (_, i) => seen.slice(2 * i, 2 * i + 2));
  expect(zeroShot).toHaveLength(2);
  return { run, rows: rows as Scores[][], tasks };
}

/** Scores of an exported model for the test images of each task. */
function servedScores(target: string, tasks: readonly Task[], protocol: Protocol): Scores[] {
  const model = loadModel(target);
  onTestFinished(() => model.dispose());
  return torch.scope(() => {
    using head = openHead(model, target)!;
    return tasks.map(({ name, test }) => {
      const { scores, labels } = head.classifier(protocol === "mtil" ? name : undefined);
      const found = scores(model.preprocessing.normalise(test.images)).toArray() as Scores;
      expect(found[0]).toHaveLength(labels.length);
      return found;
    });
  });
}

interface Prediction {
  readonly label: string;
  readonly probability: number;
}

/** `codyra classify` of a red image by what a method has learned and exported. */
async function classifier(name: string, options: Record<string, unknown>) {
  const { run } = await finishedRun(name, options, "x-tail");
  const folder = temporaryFolder();
  const target = join(folder, "model");
  await codyraExport("--run", run, "--to", target);
  await writePicture(join(folder, "red.png"), { color: { r: 220, g: 40, b: 40 } });
  return async (...args: string[]): Promise<Prediction[]> => {
    const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    written.mockClear();
    const flags = ["--model", target, "--json", ...args, join(folder, "red.png")];
    await classifyCommand().exitOverride().parseAsync(flags, { from: "user" });
    return JSON.parse(written.mock.calls.map(([text]) => text).join(""))[0].predictions;
  };
}

function expectSame(found: Scores[], wanted: Scores[]): void {
  expect(found.map(({ length }) => length)).toEqual(wanted.map(({ length }) => length));
  const best = (rows: Scores) => rows.map((row) => row.indexOf(Math.max(...row)));
  for (const [i, rows] of wanted.entries()) {
    expect(best(found[i]!)).toEqual(best(rows));
    for (const [j, row] of rows.entries()) {
      for (const [k, value] of row.entries())
        expect(Math.abs(found[i]![j]![k]! - value)).toBeLessThanOrEqual(1e-6);
    }
  }
}

const heads = { iterations: 4, batchSize: 9, rank: 4, learningRate: 0.01, variant: "plus" };
const knownTasks = {
  ...{ iterations: 4, batchSize: 9, rank: 4, topTrain: 3, topMerge: 2 },
  ...{ learningRate: 0.02, knownTasks: true },
};
const alexnet = new URL("../../methods/fixtures/alexnet.safetensors", import.meta.url).pathname;
const ddas = { features: alexnet, code: 4, iterations: 3, referenceIterations: 3, threshold: 1 };

type Variant = readonly [name: string, options: Record<string, unknown>, protocol: Protocol];

const inXTail = everyVariant.map((variant) => [...variant, "x-tail"] as const);
const more: readonly Variant[] = [
  ["keeplora", heads, "mtil"],
  ["codyra-routed", { iterations: 4, batchSize: 9, rank: 4, learningRate: 0.1 }, "mtil"],
  ["dac", knownTasks, "mtil"],
  ["rail-dual", {}, "mtil"],
];
const withHead = [...inXTail, ...more].filter((variant) => createMethod(...variant).head);

describe("an exported head", () => {
  it("is that of every method which classifies by more than weights", () => {
    const all = [...inXTail, ...more];
    expect(all.filter((variant) => createMethod(...variant).stateAfter)).toEqual(withHead);
    expect(new Set(withHead.map(([name]) => name)).size).toBe(10);
  });

  it.each(withHead)("of %s %j in %s answers as the run did", async (name, options, protocol) => {
    const { run, rows, tasks } = await finishedRun(name, options, protocol);
    const target = join(temporaryFolder(), "model");
    await codyraExport("--run", run, "--to", target);
    expectSame(servedScores(target, tasks, protocol), rows[1]!);
  });

  it("is all that was learned where the weights are those of the start, which is said", async () => {
    const told = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const said = (): string => told.mock.calls.map(([text]) => text).join("");
    const learned = await finishedRun("keeplora", heads, "mtil");
    await codyraExport("--run", learned.run, "--to", join(temporaryFolder(), "model"));
    expect(said()).not.toContain("weights alone");
    const frozen = await finishedRun("rail-dual", {}, "x-tail");
    await codyraExport("--run", frozen.run, "--to", join(temporaryFolder(), "model"));
    expect(said()).toContain(
      "The weights alone are those of the model that the run started from: what rail-dual learned is in the head beside them.",
    );
  });

  it("needs no other file: AlexNet, by which tasks are told apart, comes along", async () => {
    const copy = join(temporaryFolder(), "alexnet.safetensors");
    cpSync(alexnet, copy);
    const options = {
      iterations: 2,
      batchSize: 9,
      experts: 4,
      bottleneck: 4,
      ddas: { ...ddas, features: copy },
    };
    const { run, rows, tasks } = await finishedRun("moe-adapter", options, "x-tail");
    const target = join(temporaryFolder(), "model");
    await codyraExport("--run", run, "--to", target);
    rmSync(copy);
    expectSame(servedScores(target, tasks, "x-tail"), rows[1]!);
  });

  it("is that after an earlier task, where it is not lost", async () => {
    const { run, rows, tasks } = await finishedRun("rail-dual", {}, "x-tail");
    const target = join(temporaryFolder(), "model");
    await codyraExport("--run", run, "--to", target, "--task", "colours", "--format", "open-clip");
    expectSame(servedScores(target, tasks, "x-tail"), rows[0]!);

    const primal = await finishedRun("rail-primal", { hiddenDim: 20 }, "x-tail");
    const lost = join(temporaryFolder(), "lost");
    await expect(codyraExport("--run", primal.run, "--to", lost, "--task", "0")).rejects.toThrow(
      "what rail-primal keeps beside CLIP's weights is that of the last task only",
    );
    expect(existsSync(lost)).toBe(false);
  });

  it("of the first text encoder takes any labels, of the run or not", async () => {
    const options = { iterations: 4, imageIterations: 0, batchSize: 9, rank: 2, wordCount: 10, crops: 1 };
    const classify = await classifier("statra", { ...options, learningRate: 0.05, unlearnedTexts: "first" });
    expect(await classify()).toHaveLength(5);
    const template = ["--template", "a {} photo."];
    const learned = ["--labels", "red,green,blue", ...template];
    expect(await classify(...learned)).toEqual(await classify("--dataset", "colours"));
    expect(await classify(...learned)).toEqual(await classify(...learned, "--no-head"));
    const others = ["--labels", "cat,dog,ship", ...template];
    expect(await classify(...others)).toEqual(await classify(...others, "--model", fixture("quick-gelu")));
    expect(await classify(...others)).not.toEqual(await classify(...others, "--no-head"));
    await expect(classify(...others, "--dataset", "colours")).rejects.toThrow(
      /expected the classes of a dataset or labels, got both/,
    );
  });

  it("of a SigLIP judges each label by itself", async () => {
    const base = writeSiglip(join(temporaryFolder(), "siglip"));
    const options = {
      iterations: 2,
      batchSize: 9,
      rank: 2,
      replay: { wordCount: 10, unlearnedTexts: "first" },
    };
    const { run } = await finishedRun("lora", options, "x-tail", base);
    const target = join(temporaryFolder(), "model");
    await codyraExport("--run", run, "--to", target);
    const model = loadModel(target);
    onTestFinished(() => model.dispose());
    torch.scope(() => {
      using head = openHead(model, target)!;
      const pixels = torch.randn([2, 3, model.config.vision.imageSize, model.config.vision.imageSize]);
      const { scores, probabilities } = head.classifier({ classes: ["red"], templates: ["a {} photo."] });
      const expected = model.probabilities(scores(pixels));
      expect(probabilities(pixels).equal(expected)).toBe(true);
      expect(expected.max().item()).toBeLessThan(1); // a softmax of one label is 1
    });
  });

  it("is refused by formats that have no place for it, and belongs to one model", async () => {
    const { run } = await finishedRun("rail-dual", {}, "x-tail");
    const folder = temporaryFolder();
    for (const format of ["openai", "transformers-js", "peft"]) {
      const target = join(folder, format);
      await expect(codyraExport("--run", run, "--to", target, "--format", format)).rejects.toThrow(
        `rail-dual keeps what it learned beside CLIP's weights, and ${format} has no place for that`,
      );
      expect(existsSync(target)).toBe(false);
    }
    const target = join(folder, "model");
    await codyraExport("--run", run, "--to", target);
    const model = loadModel(target);
    onTestFinished(() => model.dispose());
    torch.noGrad(() => model.logitScale.add_(1));
    expect(() => openHead(model, target)).toThrow(
      /expected the model that it was exported with, got other weights/,
    );
    writeFileSync(join(target, "codyra_head.safetensors"), "cut off");
    expect(() => openHead(model, target)).toThrow(/codyra_head\.safetensors/);
  });

  it("gives codyra classify its classes", async () => {
    const classify = await classifier("rail-dual", {});
    const all = await classify();
    expect(all[0]!.label).toBe("red");
    expect(all.map(({ label }) => label).sort()).toEqual(["blue", "bright", "dark", "green", "red"]);
    expect((await classify("--dataset", "greys")).map(({ label }) => label).sort()).toEqual([
      "bright",
      "dark",
    ]);
    expect(await classify("--no-head", "--labels", "cat,dog")).toHaveLength(2);
    await expect(classify("--labels", "cat,dog")).rejects.toThrow(
      /has a head that knows its classes.*--no-head/,
    );
    await expect(classify("--dataset", "roses")).rejects.toThrow(
      /expected the dataset .*colours, greys.*got 'roses'/,
    );
  });
});
