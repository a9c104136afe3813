import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configFromShapes } from "../../../lib/clip/checkpoint/openai.js";
import {
  clipConfigs,
  createModel,
  type LoadOptions,
  loadModel,
  modelFingerprint,
  toOpenAi,
} from "../../../lib/clip/index.js";
import {
  archive,
  memoryStatistics,
  noGrad,
  ones,
  safetensors,
  type Tensor,
  zeros,
} from "../../../lib/torch/index.js";
import { fixture, temporaryDirectory } from "../fixtures.js";

/** A copy of a fixture whose weights `change` may change. */
function changedFixture(change: (tensors: Map<string, Tensor>) => void): string {
  const directory = temporaryDirectory();
  cpSync(fixture("gelu"), directory, { recursive: true });
  const { tensors } = safetensors.load(fixture("gelu", "model.safetensors"));
  change(tensors);
  safetensors.save(join(directory, "model.safetensors"), tensors);
  return directory;
}

describe("a model whose inputs are read in another way", () => {
  const path = fixture("quick-gelu");
  const long = "a ".repeat(200);

  it("cuts long texts, which else are an error", () => {
    expect(() => loadModel(path).tokenizer.encode([long])).toThrow(/expected at most \d+ tokens/);
    const { tokenizer } = loadModel(path, { truncate: true });
    expect(tokenizer.encode([long]).shape).toEqual([1, tokenizer.contextLength]);
  });

  it("decodes images so, and is another model to a cache and an index; by default it is the same", () => {
    const [usual, stated] = [{}, { orient: false, transparency: "drop" }].map((options) =>
      loadModel(path, options as LoadOptions),
    );
    const upright = loadModel(path, { orient: true, transparency: "white" });
    expect(upright.preprocessing.decoding).toEqual({ orient: true, transparency: "white" });
    expect(upright.preprocessing.transform.key).toMatch(/, upright, on white$/);
    expect(stated!.preprocessing.transform.key).toBe(usual!.preprocessing.transform.key);
    expect(modelFingerprint(stated!)).toBe(modelFingerprint(usual!));
    expect(modelFingerprint(upright)).not.toBe(modelFingerprint(usual!));
  });
});

const { text, vision } = clipConfigs["vit-b-32"];
const tower = { width: 64, heads: 1, mlpWidth: 256, layers: 2 };
const openAiModel = createModel({
  text: {
    ...text,
    ...tower,
    vocabSize: 530,
    contextLength: 9,
    startTokenId: 528,
    padTokenId: 529,
    endTokenId: 2,
  },
  vision: { ...vision, ...tower, imageSize: 32, patchSize: 16 },
  embedDim: 20,
  logitScaleInit: 2.6592,
});

/** A file of OpenAI's whose weights `change` may change. */
function openAiFile(change: (tensors: Map<string, Tensor>) => void = () => {}): string {
  const path = join(temporaryDirectory(), "model.pt");
  const tensors = toOpenAi(openAiModel.stateDict());
  change(tensors);
  archive.save(path, tensors);
  return path;
}

const load = (path: string) => loadModel(path, { allowPickle: true });

describe("loadModel", () => {
  it("reads weights in parts, and in a pickle when that is allowed", () => {
    const wanted = loadModel(fixture("gelu")).stateDict();
    const tensors = [...safetensors.load(fixture("gelu", "model.safetensors")).tensors];
    const directory = temporaryDirectory();
    cpSync(fixture("gelu", "config.json"), join(directory, "config.json"));
    safetensors.save(join(directory, "a.safetensors"), tensors.slice(5));
    archive.save(join(directory, "b.bin"), tensors.slice(0, 5));
    const index = tensors.map(([key], i) => [key, i < 5 ? "b.bin" : "a.safetensors"]);
    writeIndex(directory, Object.fromEntries(index));
    for (const [key, parameter] of load(directory).stateDict())
      expect(parameter.equal(wanted.get(key)!), key).toBe(true);
    expect(() => loadModel(directory)).toThrow(`${join(directory, "b.bin")}: a pickle`);
  });

  it("reads the shape of a model from OpenAI's parameters", () => {
    const model = loadModel(openAiFile(), { allowPickle: true, activation: "quick_gelu" });
    expect(model.config).toEqual(openAiModel.config);
    for (const [key, parameter] of model.stateDict())
      expect(parameter.equal(openAiModel.stateDict().get(key)!), key).toBe(true);
    expect(model.preprocessing.cropSize).toBe(32);
  });

  it("converts weights to the dtype that is asked for", () => {
    const directory = changedFixture((tensors) => {
      for (const [key, tensor] of tensors) tensors.set(key, tensor.to({ dtype: "bfloat16" }));
    });
    expect(loadModel(directory).dtype).toBe("float32");
    expect(loadModel(directory, { dtype: "bfloat16" }).dtype).toBe("bfloat16");
  });

  it("leaves weights in their file when told to, and the file as it is", () => {
    const directory = changedFixture(() => {});
    const before = readFileSync(join(directory, "model.safetensors"));
    const wanted = loadModel(directory);
    const bytesBefore = memoryStatistics().liveBytes;
    const shared = loadModel(directory, { shareFile: true });
    for (const [key, parameter] of shared.stateDict())
      expect(parameter.equal(wanted.stateDict().get(key)!), key).toBe(true);
    const own = [...shared.namedParameters()].filter(([name]) => name.includes("qkv_proj"));
    const ownBytes = own.reduce((sum, [, parameter]) => sum + 4 * parameter.numel(), 0);
    // Tensors of one mapped file count as the whole of it, once.
    expect(memoryStatistics().liveBytes - bytesBefore).toBeLessThan(ownBytes + before.length + 1);
    noGrad(() => shared.parameters().forEach((parameter) => void parameter.zero_()));
    expect(shared.logitScale.item()).toBe(0);
    expect(readFileSync(join(directory, "model.safetensors")).equals(before)).toBe(true);
    const [half] = loadModel(directory, { shareFile: true, dtype: "bfloat16" }).parameters();
    expect(half?.dtype).toBe("bfloat16");
  });

  it("loads a model without a tokenizer, and takes one from elsewhere", () => {
    const model = loadModel(fixture("gelu"));
    expect(() => model.tokenizer).toThrow("Load it with the option `tokenizer`");
    const directory = temporaryDirectory();
    for (const name of ["config.json", "model.safetensors"])
      cpSync(fixture("quick-gelu", name), join(directory, name));
    const tokenizer = fixture("quick-gelu", "tokenizer.json");
    expect(loadModel(directory, { tokenizer }).tokenizer.contextLength).toBe(20);
    const missing = join(temporaryDirectory(), "missing");
    expect(() => loadModel(fixture("gelu"), { tokenizer: missing })).toThrow(`${missing}: no tokenizer`);
  });

  it("ignores what was saved with the parameters without being one", () => {
    const directory = changedFixture((tensors) =>
      tensors.set("text_model.embeddings.position_ids", zeros([1, 9])),
    );
    expect(loadModel(directory).numParameters()).toBe(loadModel(fixture("gelu")).numParameters());
    const path = openAiFile((tensors) => {
      for (const name of ["input_resolution", "context_length", "vocab_size"]) tensors.set(name, ones([]));
      tensors.set("transformer.resblocks.0.attn_mask", zeros([9, 9]));
    });
    expect(load(path).numParameters()).toBe(openAiModel.numParameters());
  });
});

describe("loadModel notes", () => {
  const noted = (path: string, options: LoadOptions): string[] => {
    const notes: string[] = [];
    const model = loadModel(path, { allowPickle: true, ...options, onNote: (note) => notes.push(note) });
    expect(notes).toEqual(model.notes.map((note) => expect.stringContaining(note)));
    return notes;
  };

  it("an activation that contradicts the configuration, and computes it", () => {
    const path = fixture("gelu");
    expect(noted(path, { activation: "gelu" })).toEqual([]);
    const [note] = noted(path, { activation: "quick_gelu" });
    expect(note).toContain(
      `computes quick_gelu, as the option \`activation\` says, where ${join(path, "config.json")} says gelu`,
    );
    expect(loadModel(path, { activation: "quick_gelu", onNote: () => {} }).config.text.activation).toBe(
      "quick_gelu",
    );
  });

  it("what was taken off and left out", () => {
    const path = openAiFile((tensors) => {
      const own = [...tensors];
      tensors.clear();
      for (const [key, tensor] of own) tensors.set(`module.${key}`, tensor);
      tensors.set("module.logit_bias", ones([1]));
    });
    expect(noted(path, { activation: "quick_gelu" })).toEqual([
      `${path}: took 'module.' off the names of the parameters`,
      `${path}: left out logit_bias, which changes no feature and no probability over classes`,
      expect.stringContaining("where shapes do not tell: with 1 heads for images and 1 for texts"),
    ]);
  });

  it("what the shapes do not tell; the wide image encoders of open_clip have other heads than OpenAI's", () => {
    const headsOf = (width: number): number => {
      const like = (...shape: number[]) => ones(shape);
      const state = new Map([
        ["visual.conv1.weight", like(width, 3, 1, 1)],
        ["visual.positional_embedding", like(2, 1)],
        ["visual.transformer.resblocks.0.mlp.c_fc.weight", like(4, 1)],
        ["transformer.resblocks.0.mlp.c_fc.weight", like(4, 1)],
        ["token_embedding.weight", like(9, 1024)],
        ["positional_embedding", like(7, 1)],
        ["text_projection", like(1, 2)],
      ]);
      const { vision, text } = configFromShapes(state, "gelu", "a file");
      expect(text.heads).toBe(16);
      return vision.heads;
    };
    // ViT-B, L, H, g, bigG and e of open_clip's model_configs
    expect([768, 1024, 1280, 1408, 1664, 1792].map(headsOf)).toEqual([12, 16, 16, 16, 16, 16]);
  });
});

describe("loadModel refuses", () => {
  it("within ten lines what is another model, naming the nearest parameters", () => {
    const directory = changedFixture((tensors) => {
      for (const [key, tensor] of [...tensors]) {
        tensors.delete(key);
        tensors.set(key.replace("encoder.layers", "blocks"), tensor);
      }
    });
    const problems = problemsOf(() => loadModel(directory));
    expect(problems).toHaveLength(8);
    expect(problems.filter((line) => line.startsWith("missing: "))).toHaveLength(4);
    expect(problems[4]).toMatch(/^unexpected: \w+\.blocks\.\S+ \[\d+(, \d+)*\]$/);
    expect(problems[7]).toMatch(/^… and \d+ more$/);
    const other = join(temporaryDirectory(), "other.safetensors");
    safetensors.save(other, [["blocks.0.attn.qkv.weight", ones([6, 2])]]);
    expect(() => loadModel(other)).toThrow(
      "an image tower of timm and no CLIP model among its 1 tensors: expected visual.conv1.weight or",
    );
  });

  it("weights that are no floats", () => {
    const directory = changedFixture((tensors) =>
      tensors.set("text_projection.weight", tensors.get("text_projection.weight")!.to({ dtype: "int8" })),
    );
    expect(problemsOf(() => loadModel(directory))).toEqual([
      "wrong dtype: text_projection.weight is int8, expected floats",
    ]);
  });

  it("parameters that do not fit, naming each, and keeps no memory", () => {
    const directory = changedFixture((tensors) => {
      tensors.delete("text_projection.weight");
      tensors.delete("vision_model.encoder.layers.1.self_attn.k_proj.bias");
      tensors.set("classifier.weight", zeros([2, 3]));
      tensors.set("logit_scale", zeros([4]));
    });
    const before = memoryStatistics().liveTensors;
    expect(problemsOf(() => loadModel(directory))).toEqual([
      "missing: vision_model.encoder.layers.1.self_attn.k_proj.bias",
      "missing: text_projection.weight",
      "unexpected: classifier.weight",
      "wrong shape: logit_scale is [4], expected []",
    ]);
    expect(memoryStatistics().liveTensors).toBe(before);
  });

  it("parameters in OpenAI's names by these names", () => {
    const path = openAiFile((tensors) => {
      tensors.delete("ln_final.bias");
      tensors.set("visual.transformer.resblocks.1.attn.in_proj_weight", zeros([64, 64]));
      tensors.set("logit_offset", zeros([]));
    });
    expect(problemsOf(() => load(path))).toEqual([
      "missing: ln_final.bias",
      "unexpected: logit_offset",
      "wrong shape: visual.transformer.resblocks.1.attn.in_proj_weight is [64, 64], expected [192, 64]",
    ]);
    const incomplete = openAiFile((tensors) => tensors.delete("text_projection"));
    expect(() => load(incomplete)).toThrow("parameter text_projection: expected 2 dimensions, it is missing");
  });

  it("models of another architecture", () => {
    const residual = openAiFile((tensors) => tensors.set("visual.layer1.0.conv1.weight", ones([2, 2, 3, 3])));
    expect(() => load(residual)).toThrow("this model has a ResNet (visual.layer1.*): expected the vision");
    const narrow = openAiFile((tensors) => tensors.set("visual.conv1.weight", ones([48, 3, 16, 16])));
    expect(() => load(narrow)).toThrow("has width 48: expected a multiple of 64");

    const directory = temporaryDirectory();
    safetensors.save(join(directory, "model.safetensors"), [["bert.embeddings.weight", ones([2])]]);
    writeFileSync(join(directory, "config.json"), JSON.stringify({ model_type: "bert" }));
    expect(() => loadModel(directory)).toThrow(/config\.json: model_type bert: expected clip or siglip/);
  });

  it("missing and broken files", () => {
    const directory = join(temporaryDirectory(), "model");
    expect(() => loadModel(directory)).toThrow(`${directory} is missing`);
    mkdirSync(directory);
    expect(() => loadModel(directory)).toThrow(`${directory}: no weights of a CLIP model: expected one of`);
    cpSync(fixture("gelu"), directory, { recursive: true });
    writeFileSync(join(directory, "config.json"), "{");
    expect(() => loadModel(directory)).toThrow(`${join(directory, "config.json")}: not valid JSON`);
    rmSync(join(directory, "config.json"));
    expect(() => loadModel(directory)).toThrow(`${join(directory, "config.json")} is missing`);
    writeFileSync(join(directory, "model.safetensors"), "no weights at all");
    expect(() => loadModel(directory)).toThrow("neither a safetensors file nor a PyTorch archive");
  });

  it("an index that is broken or names files elsewhere", () => {
    const directory = temporaryDirectory();
    writeIndex(directory, { a: "missing.safetensors" });
    expect(() => loadModel(directory)).toThrow(`${join(directory, "missing.safetensors")} is missing`);
    for (const name of ["../model.safetensors", "/etc/passwd", "model.safetensors.index.json"]) {
      writeIndex(directory, { a: name });
      expect(() => loadModel(directory)).toThrow(`names '${name}': expected weights in its own folder`);
    }
    writeFileSync(join(directory, "model.safetensors.index.json"), "[]");
    expect(() => loadModel(directory)).toThrow("not an index of weights");
  });
});

function writeIndex(directory: string, weightMap: Record<string, string>): void {
  const index = JSON.stringify({ metadata: {}, weight_map: weightMap });
  writeFileSync(join(directory, "model.safetensors.index.json"), index);
}

/** The lines between the first and the last of an error's message. */
function problemsOf(body: () => void): string[] {
  try {
    body();
  } catch (error) {
    const lines = (error as Error).message.split("\n").slice(1, -1);
    return lines.map((line) => line.trim());
  }
  throw new Error("Expected an error.");
}
