import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { DualEncoder } from "../../../lib/clip/index.js";
import { createModel, loadModel } from "../../../lib/clip/index.js";
import { miniature } from "../../../lib/data/index.js";
import { createMethod, type ProtocolName, type RunContext } from "../../../lib/methods/index.js";
import { type ReplayOptions, StatisticsReplay } from "../../../lib/methods/shared/statistics-replay.js";
import { anchorLoss, pseudoFeatureLoss } from "../../../lib/methods/shared/task-replay.js";
import { WordAnchors, wholeWords } from "../../../lib/methods/shared/word-anchors.js";
import { nn, type Tensor, tensor } from "../../../lib/torch/index.js";
import { tinyClip } from "../../lora/models.js";
import { temporaryFolder, tinyRun } from "../../protocol/tiny-run.js";
import { colourTasks, recordedContext } from "../tasks.js";

// Computed by fixtures/make-statra.py in float64; ours is float32, so 1e-5 is a hundred times its epsilon.
const { losses: expected } = JSON.parse(
  readFileSync(new URL("../fixtures/statra.json", import.meta.url), "utf8"),
);
const int64 = (values: number[]) => tensor(values, { dtype: "int64" });
const leaf = (values: number[]) => tensor(values).requiresGrad_();

function apart(actual: Tensor, values: number[] | number): number {
  return actual
    .sub(tensor(values as number[]))
    .abs()
    .max()
    .item();
}

const options: ReplayOptions = {
  replayWeight: 2,
  pseudoFeatures: 6,
  replayClasses: null,
  covariance: "shared",
  candidates: "protocol",
  words: "vocabulary",
  wordCount: 20,
  wordTemplates: ["a photo of a {}."],
  wordWeight: 3,
  wordBatch: 4,
  driftRidge: 0.03,
};

describe("losses", () => {
  it("of pseudo-features against all candidates", () => {
    const candidates = leaf(expected.candidates);
    const loss = pseudoFeatureLoss(
      tensor(expected.pseudo),
      candidates,
      int64(expected.targets),
      tensor(expected.scale),
    );
    loss.backward();
    expect(apart(loss, expected.joint)).toBeLessThan(1e-5);
    expect(apart(candidates.grad!, expected.jointGradient)).toBeLessThan(1e-5);
  });

  it("of pseudo-features against the candidates of their dataset", () => {
    const candidates = leaf(expected.candidates);
    const loss = pseudoFeatureLoss(
      tensor(expected.pseudo),
      candidates,
      int64(expected.targets),
      tensor(expected.scale),
      int64(expected.groups),
    );
    loss.backward();
    expect(apart(loss, expected.own)).toBeLessThan(1e-5);
    expect(apart(candidates.grad!, expected.ownGradient)).toBeLessThan(1e-5);
  });

  it("of generic words", () => {
    const words = leaf(expected.words);
    const loss = anchorLoss(words, tensor(expected.pretrained));
    loss.backward();
    expect(apart(loss, expected.anchor)).toBeLessThan(1e-5);
    expect(apart(words.grad!, expected.anchorGradient)).toBeLessThan(1e-5);
  });
});

/** A replay that has learned `learned` one after another, about to learn the first task. */
async function prepared(protocol: ProtocolName, given: Partial<ReplayOptions> = {}, classes = [3, 2, 4]) {
  const model = tinyClip();
  const context = recordedContext(model, { protocol });
  const replay = new StatisticsReplay({ ...options, ...given }, protocol);
  onTestFinished(() => replay.dispose());
  await replay.beginRun(context);
  for (const [g, count] of classes.entries()) {
    const names = Array.from({ length: count }, (_, c) => `thing ${g} ${c}`);
    const features = nn.functional.normalize(tensor(names.map((_, c) => embedding(model, g * 10 + c))));
    replay.statistics.learn(
      { name: `group ${g}`, classes: names, templates: ["a {}."] },
      features,
      int64(names.map((_, c) => c)),
    );
  }
  return { model, context, replay };
}

function embedding({ config }: DualEncoder, key: number): number[] {
  return Array.from({ length: config.embedDim }, (_, i) => Math.sin(key * 7 + i));
}

describe("texts of an iteration", () => {
  it("are those of the task, of all earlier classes where these compete, and of generic words", async () => {
    const { replay, context } = await prepared("x-tail");
    using texts = replay.prepare(colourTasks()[0]!, context);
    const { classes, earlier, penalty } = texts.at(0);
    expect(classes.size(0)).toBe(3);
    expect(earlier?.size(0)).toBe(9);
    expect(penalty!.item()).toBeGreaterThan(0);
    using all = texts.all();
    expect(all.earlier!.sub(earlier!).abs().max().item()).toBeLessThan(1e-5);
  });

  it("do not let earlier classes compete where only those of a dataset do", async () => {
    const { replay, context } = await prepared("mtil");
    using texts = replay.prepare(colourTasks()[0]!, context);
    expect(texts.at(0).earlier).toBeUndefined();
    using all = texts.all();
    expect(all.earlier).toBeUndefined();
  });

  it.each(["x-tail", "mtil"] as const)(
    "have words as images compete with all classes (%s)",
    async (protocol) => {
      const { replay, context, model } = await prepared(protocol, { wordCount: 8, wordBatch: 5 });
      const [task] = colourTasks();
      const features = nn.functional.normalize(
        tensor([[0, 1, 2, 1, 2, 0].map((c) => embedding(model, 50 + c))]),
      );
      const penalty = (weight?: number) => {
        using texts = replay.prepare(task!, context);
        if (weight !== undefined) texts.addWordImages(features, int64([0, 1, 2, 1, 2, 0]), weight);
        return Number(texts.at(0).penalty!.item());
      };
      const [without, once, twice] = [penalty(), penalty(1), penalty(2)];
      expect(once).toBeGreaterThan(without + 0.1);
      expect(twice - without).toBeCloseTo(2 * (once - without), 3);
    },
  );

  it("hold no more earlier classes than wanted, others from one iteration to the next", async () => {
    const joint = await prepared("x-tail", { replayClasses: 4 });
    using texts = joint.replay.prepare(colourTasks()[0]!, joint.context);
    const drawn = Array.from({ length: 8 }, (_, i) => texts.at(i).earlier!);
    expect(drawn.map((each) => each.size(0))).toEqual(Array(8).fill(4));
    expect(drawn.some((each) => !each.equal(drawn[0]!))).toBe(true); // others from one iteration to the next
  });

  it("hold whole datasets where only those of a dataset compete", async () => {
    const { replay, context } = await prepared("mtil", { replayClasses: 4, wordWeight: 0 });
    const encodeText = vi.spyOn(context.model, "encodeText");
    using texts = replay.prepare(colourTasks()[0]!, context);
    const sizes = Array.from({ length: 12 }, (_, i) => {
      texts.at(i);
      return encodeText.mock.lastCall![0].size(0) - 3; // beside the task's own classes
    });
    // Whole datasets of 3, 2 and 4 classes are drawn until there are 4 classes or more.
    expect(sizes.filter((size) => size < 4 || size > 7)).toEqual([]);
    expect(new Set(sizes).size).toBeGreaterThan(1);
  });

  it("hold no word of classes to come, also where the words came with the model", async () => {
    const first = await prepared("x-tail");
    const [word] = first.replay.anchors.words as [string];
    const later = recordedContext(first.model, {
      protocol: "x-tail",
      inherited: first.replay.state(),
      classNames: [`big ${word}`],
    });
    using replay = new StatisticsReplay(options, "x-tail");
    await replay.beginRun(later);
    const positionsWithout = vi.spyOn(replay.anchors, "positionsWithout");
    using _texts = replay.prepare(colourTasks()[0]!, later);
    expect(positionsWithout.mock.results[0]!.value).not.toContain(replay.anchors.words.indexOf(word));
  });

  it("add nothing where nothing was learned and generic words have no weight", async () => {
    const { replay, context } = await prepared("x-tail", { wordWeight: 0 }, []);
    using texts = replay.prepare(colourTasks()[0]!, context);
    expect(texts.at(0).penalty).toBeUndefined();
  });

  it("start at a distance of zero from where generic words were", async () => {
    const { replay, context } = await prepared("x-tail", {}, []);
    using texts = replay.prepare(colourTasks()[0]!, context);
    expect(texts.at(0).penalty!.item()).toBeLessThan(1e-6); // rounding of another batch of prompts, squared
  });
});

describe("what came with the model", () => {
  it("goes to the model's device, with the run and with a checkpoint", async () => {
    const { replay, context } = await prepared("x-tail");
    const state = replay.state();
    const elsewhere = {
      ...context,
      inherited: state,
      model: createModel(context.model.config, { device: "meta" }),
    };
    using taken = new StatisticsReplay(options, "x-tail");
    await taken.beginRun(elsewhere);
    const devices = () => Array.from(taken.state().tensors.values(), ({ device }) => device);
    expect(devices()).toEqual(["meta", "meta", "meta"]);
    taken.loadState(state);
    expect(devices()).toEqual(["meta", "meta", "meta"]);
  });

  it("is refused where it belongs to another model", async () => {
    const { replay, context } = await prepared("x-tail");
    const { embedDim } = context.model.config;
    const other = createModel({ ...context.model.config, embedDim: 2 * embedDim });
    using taken = new StatisticsReplay(options, "x-tail");
    await expect(taken.beginRun({ ...context, model: other, inherited: replay.state() })).rejects.toThrow(
      `expected features of ${2 * embedDim} numbers as the model has them, got statistics.means [9, ${embedDim}]`,
    );
  });
});

describe("generic words", () => {
  const chosen = async (
    model: DualEncoder,
    given: Partial<ReplayOptions>,
    context: Partial<RunContext> = {},
  ) => {
    const anchors = new WordAnchors();
    onTestFinished(() => anchors.dispose());
    await anchors.choose({ ...options, ...given }, recordedContext(model, context));
    return anchors;
  };

  it("share no word with any class name of the stream", async () => {
    const model = loadModel(new URL("../../../assets/miniature-clip", import.meta.url).pathname);
    const classNames = miniature.miniatureDomains.flatMap(({ classes }) => classes);
    const anchors = await chosen(model, { wordCount: 1000 }, { classNames });
    const ofClasses = new Set(classNames.flatMap((name) => name.toLowerCase().split(/[^a-z]+/)));
    const all = wholeWords(model.tokenizer);
    expect(all.some((word) => ofClasses.has(word))).toBe(true); // there is something to leave out
    expect(anchors.words.filter((word) => ofClasses.has(word))).toEqual([]);
    expect(anchors.words).toHaveLength(all.filter((word) => !ofClasses.has(word)).length);
    expect(anchors.features!.shape).toEqual([anchors.words.length, model.config.embedDim]);
  });

  it("are left out where a later class name has them", async () => {
    const model = tinyClip();
    const anchors = await chosen(model, { wordTemplates: ["a {}.", "the {}."] });
    const [first] = anchors.words as [string];
    const count = anchors.words.length;
    const free = anchors.positionsWithout([`Big_${first.toUpperCase()}`]);
    expect(free).toHaveLength(2 * (count - 1));
    expect(free).not.toContain(0);
    expect(free).not.toContain(count);
  });

  it("come from a file where there is one", async () => {
    const file = join(temporaryFolder(), "words.txt");
    writeFileSync(file, "red tree\n\nsky\nsky\nblue\n");
    const anchors = await chosen(tinyClip(), { words: file }, { classNames: ["Red"] });
    expect([...anchors.words].sort()).toEqual(["blue", "sky"]);
    writeFileSync(file, "\ufeffsky\r\nblue\r\n", "utf16le");
    expect([...(await chosen(tinyClip(), { words: file })).words].sort()).toEqual(["blue", "sky"]);
    writeFileSync(file, "sky\nrosé\n", "latin1");
    await expect(chosen(tinyClip(), { words: file })).rejects.toThrow(
      `words: ${file}: expected text in UTF-8, got the byte 0xe9 at offset 7 in line 2.`,
    );
    writeFileSync(file, "\n");
    await expect(chosen(tinyClip(), { words: file })).rejects.toThrow(`${file} is empty`);
    await expect(chosen(tinyClip(), { words: `${file}.txt` })).rejects.toThrow(
      "expected 'vocabulary' or a text file",
    );
  });

  it("are the same for the same seed", async () => {
    const model = tinyClip();
    const words = async (seed: number) => (await chosen(model, { wordCount: 5 }, { seed })).words;
    expect(await words(1)).toEqual(await words(1));
    expect(await words(1)).not.toEqual(await words(2));
  });
});

it.each(["lora", "codyra", "finetune", "statra", "codyra-routed", "codyra+rail-dual"])(
  "%s has its generic words before anything is learned or loaded",
  async (name) => {
    const words = "/nowhere/words.txt";
    const options = name === "statra" ? { words } : { replay: { words } };
    const method = createMethod(name, { ...options, iterations: 1 }, "x-tail");
    await expect(tinyRun(temporaryFolder(), { method })).rejects.toThrow(/words\.txt/);
  },
);
