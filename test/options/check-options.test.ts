import { describe, expect, it } from "vitest";
import { classifyFiles, loadBatches, openFolder } from "../../lib/data/index.js";
import { clip, data, lora, protocol, torch } from "../../lib/index.js";
import { checkOptions, nearestName } from "../../lib/options/index.js";
import { fixture } from "../clip/fixtures.js";

// biome-ignore lint/suspicious/noExplicitAny: what JavaScript lets through
const wrong = (key: string): any => ({ [key]: 1 });

describe("checkOptions", () => {
  const keys = { learningRate: true, weightDecay: true, eps: true } as const;

  it("takes what exists, nothing, and undefined", () => {
    checkOptions({ learningRate: 1, eps: undefined }, keys, "here");
    checkOptions({}, keys, "here");
    checkOptions(undefined, keys, "here");
  });

  it("names the key, those that exist, and the nearest", () => {
    expect(() => checkOptions(wrong("lr"), keys, "here")).toThrow(
      "here: expected options among learningRate, weightDecay, eps, got 'lr'. Did you mean 'learningRate'?",
    );
  });

  it.each([
    ["learning_rate", "learningRate"],
    ["weight_decay", "weightDecay"],
    ["LearningRate", "learningRate"],
    ["wd", "weightDecay"],
    ["epsilon", "eps"],
    ["decay", "weightDecay"],
    ["learnigRate", "learningRate"],
    ["toString", "learningRate"],
  ])("means %s as %s", (name, meant) => {
    expect(nearestName(name, Object.keys(keys))).toBe(meant);
  });
});

describe("an option that does not exist is an error in", () => {
  const model = clip.loadModel(fixture("quick-gelu"));
  const parameter = torch.ones([2]).requiresGrad_();
  const image = { pixels: new Uint8Array(3), width: 1, height: 1 };
  const calls: Record<string, () => unknown> = {
    AdamW: () => new torch.optim.AdamW([parameter], wrong("lr")),
    Sgd: () => new torch.optim.Sgd([parameter], { learningRate: 1, ...wrong("nesterov") }),
    cosineSchedule: () => torch.optim.cosineSchedule({ learningRate: 1, total: 2, ...wrong("warmUp") }),
    tensor: () => torch.tensor([1], wrong("dtpye")),
    "a generated operator": () => torch.add(parameter, 1, wrong("alfa")),
    "a generated method": () => parameter.sum([0], false, wrong("type")),
    "a factory": () => torch.randn([2], wrong("seed")),
    backward: () => parameter.sum().backward(wrong("retain_graph")),
    autocast: () => torch.autocast(wrong("type"), () => 1),
    Linear: () => new torch.nn.Linear(1, 1, wrong("Bias")),
    crossEntropy: () => torch.nn.functional.crossEntropy(parameter, parameter, wrong("weights")),
    normalize: () => torch.nn.functional.normalize(parameter, wrong("p")),
    "safetensors.load": () => torch.safetensors.load("none", wrong("device")),
    "archive.load": () => torch.archive.load("none", wrong("mapLocation")),
    unpickle: () => torch.unpickle(new Uint8Array(), wrong("encoding")),
    loadModel: () => clip.loadModel(fixture("gelu"), wrong("allow_pickle")),
    readAssets: () => clip.readAssets(fixture("gelu"), wrong("context")),
    createModel: () => clip.createModel(model.config, wrong("dtpye")),
    classify: () => model.classify(torch.zeros([1, 3, 32, 32]), ["a"], wrong("templates")),
    encodeText: () => model.encodeText(torch.zeros([1, 2], { dtype: "int64" }), wrong("prefix")),
    "Tokenizer.encode": () => model.tokenizer.encode(["a"], wrong("pad")),
    classFeatures: () => clip.classFeatures(model, ["a"], "{}", wrong("batch")),
    "an image transform": () => clip.stretch(8, wrong("upright")),
    Preprocessing: () => new clip.Preprocessing({ ...clip.Preprocessing.openai(), ...wrong("crop") }),
    inject: () => lora.inject(model, wrong("r")),
    LoraOptimizer: () => new lora.LoraOptimizer(lora.inject(model, { rank: 1 }), wrong("lr")),
    saveAdapter: () => lora.saveAdapter(new Map(), "none", wrong("base")),
    loadAdapter: () => lora.loadAdapter("none", wrong("pickle")),
    deadLeaves: () => data.deadLeaves({ count: 1, size: 8, seed: 1, ...wrong("colour") }),
    readMatrixFile: () => protocol.readMatrixFile("none", wrong("units")),
  };

  it.each(Object.entries(calls))("%s", (_, call) => {
    expect(call).toThrow(/expected options among .+, got '\w+'. Did you mean '\w+'\?/);
  });

  const promises: Record<string, () => Promise<unknown>> = {
    "protocol.run": () => protocol.run(wrong("dir")),
    decodeImage: () => clip.decodeImage(image as never, wrong("upright")),
    openFolder: () => openFolder({ name: "a", root: "b", ...wrong("train") }),
    loadTask: () => data.loadTask({} as never, wrong("shot")),
    loadImages: () => data.loadImages([], clip.stretch(8), wrong("chache")),
    loadBatches: () => loadBatches([], clip.stretch(8), { batchSize: 1, ...wrong("prefetched") }).next(),
    classifyFiles: () => classifyFiles(model, [], ["a"], wrong("top")).next(),
  };

  it.each(Object.entries(promises))("%s", async (_, call) => {
    await expect(call()).rejects.toThrow(/expected options among .+, got '\w+'. Did you mean '\w+'\?/);
  });
});
