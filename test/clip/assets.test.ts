import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadModel, saveModel, Tokenizer } from "../../lib/clip/index.js";
import { fixture, temporaryDirectory } from "./fixtures.js";

// biome-ignore lint/suspicious/noExplicitAny: tests look into files of several shapes
const readJson = (...path: string[]): any => JSON.parse(readFileSync(join(...path), "utf8"));
const writeJson = (value: unknown, ...path: string[]): void =>
  writeFileSync(join(...path), JSON.stringify(value));

function copy(): string {
  const directory = temporaryDirectory();
  cpSync(fixture("quick-gelu"), directory, { recursive: true });
  return directory;
}

const preprocessor = readJson(fixture("quick-gelu", "preprocessor_config.json"));

describe("preprocessing of a directory", () => {
  it("is that of processor_config.json before preprocessor_config.json, as in transformers 5", () => {
    const directory = copy();
    const nested = { ...preprocessor, image_mean: [0.5, 0.4, 0.3] };
    writeJson(
      { processor_class: "CLIPProcessor", image_processor: nested },
      directory,
      "processor_config.json",
    );
    expect(loadModel(directory).preprocessing.mean).toEqual([0.5, 0.4, 0.3]);
    rmSync(join(directory, "preprocessor_config.json"));
    expect(loadModel(directory).preprocessing.mean).toEqual([0.5, 0.4, 0.3]);
    writeJson({ processor_class: "CLIPProcessor" }, directory, "processor_config.json");
    writeJson({ ...preprocessor, image_mean: [0.1, 0.2, 0.3] }, directory, "preprocessor_config.json");
    expect(loadModel(directory).preprocessing.mean).toEqual([0.1, 0.2, 0.3]);
  });

  it("is written so that both files say the same, also over an older one", () => {
    const directory = copy();
    const nested = { ...preprocessor, image_mean: [0.5, 0.4, 0.3] };
    writeJson({ image_processor: nested }, directory, "processor_config.json");
    const out = join(temporaryDirectory(), "out");
    saveModel(loadModel(directory), out);
    expect(readJson(out, "preprocessor_config.json").image_mean).toEqual([0.5, 0.4, 0.3]);
    expect(readJson(out, "processor_config.json").image_processor.image_mean).toEqual([0.5, 0.4, 0.3]);
    saveModel(loadModel(fixture("quick-gelu")), out);
    expect(readJson(out, "processor_config.json").image_processor.image_mean).toEqual(
      preprocessor.image_mean,
    );
    expect(loadModel(out).preprocessing).toEqual(loadModel(fixture("quick-gelu")).preprocessing);
  });

  it.each([
    [
      "another size than the model's",
      { size: { shortest_edge: 64 }, crop_size: 64 },
      /images of 64 pixels.*reads 32/s,
    ],
    ["another kind of processor", { image_processor_type: "ViTImageProcessor" }, /image_processor_type/],
    ["another model's processor", { image_processor_type: "ViTImageProcessorFast" }, /image_processor_type/],
    ["images that stay grey", { do_convert_rgb: false }, /do_convert_rgb/],
    ["another filter", { resample: 1 }, /expected 3, which is bicubic, or 2.*resample/s],
    ["no resizing", { do_resize: false }, /do_resize/],
    ["padding", { do_pad: true }, /do_pad/],
    ["a step of its own", { do_reduce_labels: true }, /do_reduce_labels/],
    ["a rectangle", { size: { height: 32, width: 16 } }, /size/],
    ["the longest edge", { size: { longest_edge: 32 } }, /size/],
    ["no crop", { do_center_crop: false }, /do_center_crop/],
    ["no spread", { image_std: [0, 1, 1] }, /image_std/],
  ])("is refused with %s", (_, change, message) => {
    const directory = copy();
    writeJson({ ...preprocessor, ...change }, directory, "preprocessor_config.json");
    expect(() => loadModel(directory)).toThrow(message);
  });

  it.each([
    ["null for a default", { image_mean: null, do_resize: null, resample: null }, {}],
    ["the old name of the processor", { feature_extractor_type: "CLIPFeatureExtractor" }, {}],
    ["one mean", { image_mean: 0.5, image_std: 0.25 }, { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] }],
    ["sizes as pairs", { size: [32, 32], crop_size: [32, 32] }, { resize: "squash" }],
    ["a square", { size: 32, default_to_square: true }, { resize: "squash", size: 32 }],
    [
      "the shortest edge, whatever a side without a name is",
      { size: { shortest_edge: 32 }, default_to_square: true },
      { resize: "shortest", size: 32 },
    ],
    ["no normalisation", { do_normalize: false }, { mean: [0, 0, 0], std: [1, 1, 1] }],
    ["no rescaling", { do_rescale: false }, { rescaleFactor: 1 }],
    ["keys that change nothing", { processor_class: "x", data_format: "channels_first" }, {}],
  ])("takes %s", (_, change, wanted) => {
    const directory = copy();
    writeJson({ ...preprocessor, ...change }, directory, "preprocessor_config.json");
    expect(loadModel(directory).preprocessing).toMatchObject(wanted);
  });
});

describe("a tokenizer that is named", () => {
  const model = fixture("quick-gelu");

  it("is a file under any name, which errors say", () => {
    const path = join(temporaryDirectory(), "mine.json");
    cpSync(join(model, "tokenizer.json"), path);
    expect(loadModel(model, { tokenizer: path }).tokenizer.encode(["a cat"]).shape[0]).toBe(1);
    writeFileSync(path, "{");
    expect(() => loadModel(model, { tokenizer: path })).toThrow(`${path}: not valid JSON`);
    writeFileSync(path, "{}");
    expect(() => loadModel(model, { tokenizer: path })).toThrow(`${path}: not a tokenizer`);
  });

  it("is no model of SentencePiece: the way to a tokenizer.json is told", () => {
    const directory = temporaryDirectory();
    const path = join(directory, "spiece.model");
    writeFileSync(path, "\n\x0e\n\x05<unk>");
    for (const tokenizer of [path, directory])
      expect(() => loadModel(model, { tokenizer })).toThrow(
        /spiece\.model is a model of SentencePiece.*expected a tokenizer\.json.*AutoTokenizer/s,
      );
  });

  it("is missing where a model has that of SentencePiece alone, which is told when texts come", () => {
    const directory = copy();
    rmSync(join(directory, "tokenizer.json"));
    writeFileSync(join(directory, "spiece.model"), "\n\x0e\n\x05<unk>");
    const loaded = loadModel(directory);
    expect(() => loaded.tokenizer).toThrow(/spiece\.model is a model of SentencePiece/);
  });
});

describe("tokenizer of a directory", () => {
  it("is refused where it has more tokens than the model, or another end token", () => {
    const directory = copy();
    const config = readJson(directory, "config.json");
    writeJson(
      { ...config, text_config: { ...config.text_config, eos_token_id: 5 } },
      directory,
      "config.json",
    );
    expect(() => loadModel(directory)).toThrow(/ends texts with id 543, the model reads them at id 5/);
    const gelu = temporaryDirectory();
    cpSync(fixture("gelu"), gelu, { recursive: true });
    cpSync(fixture("quick-gelu", "tokenizer.json"), join(gelu, "tokenizer.json"));
    expect(() => loadModel(gelu)).toThrow("the tokenizer has ids up to 543, the model 50 tokens");
  });

  it("may be vocab.json and merges.txt, with tokens added", () => {
    const directory = copy();
    const { model } = readJson(directory, "tokenizer.json");
    rmSync(join(directory, "tokenizer.json"));
    writeJson(model.vocab, directory, "vocab.json");
    const merges = model.merges.map((merge: string | string[]) => [merge].flat().join(" "));
    writeFileSync(join(directory, "merges.txt"), `#version: 0.2\n${merges.join("\n")}\n`);
    const texts = ["a photo of a cat.", "ΣΑΣ it's 3", "<|endoftext|>"];
    const encode = (tokenizer: Tokenizer) => tokenizer.encode(texts).toArray();
    expect(encode(Tokenizer.load(directory))).toEqual(encode(Tokenizer.load(fixture("quick-gelu"))));
    writeJson({ "<my-toy>": 544 }, directory, "added_tokens.json");
    const added = Tokenizer.load(directory);
    expect(added.highestId).toBe(544);
    expect(added.encode(["a <my-toy>"]).flatten().toArray()).toContain(544n);
    writeFileSync(join(directory, "merges.txt"), "a b c\n");
    expect(() => Tokenizer.load(directory)).toThrow(
      "merges.txt: expected two tokens in each line, got 'a b c'",
    );
  });

  it("finds the tokens that its configuration alone names, as transformers does", () => {
    const directory = copy();
    const config = readJson(directory, "tokenizer_config.json");
    const named = {
      pad_token: "!", // which Stable Diffusion 2's tokenizer has
      additional_special_tokens: ["[MASK]"],
      added_tokens_decoder: { 544: { content: "Toy", lstrip: false, normalized: false, special: false } },
    };
    writeJson({ ...config, ...named }, directory, "tokenizer_config.json");
    const rows = Tokenizer.load(directory).encode(["a!", "a [MASK]", "a Toy"]).toArray() as bigint[][];
    expect(rows.map((row) => Number(row[2]))).toEqual([0, 545, 544]);
    const json = readJson(directory, "tokenizer.json");
    const whole = { id: 544, content: "Toy", single_word: true };
    writeJson({ ...json, added_tokens: [...json.added_tokens, whole] }, directory, "tokenizer.json");
    const tokenizer = Tokenizer.load(directory);
    expect(tokenizer.encode(["a Toy."]).toArray()[0]).toContain(544n);
    expect(() => tokenizer.encode(["two Toys"])).toThrow(/'Toy' counts as a whole word only \(single_word\)/);
  });

  // The ids are those that transformers 5.24 gives.
  it.each<[string, Record<string, unknown>, Record<string, number>]>([
    [
      "every name of a token",
      { mask_token: "[M]", sep_token: "[S]", a_token: "[A]" },
      { "[S]": 544, "[M]": 545, "[A]": 546 },
    ],
    [
      "extra tokens before additional ones",
      { additional_special_tokens: ["[A]"], extra_special_tokens: ["[B]"] },
      { "[B]": 544 },
    ],
    [
      "names without a token",
      { extra_special_tokens: { image_token: null, b: "[B]" }, mask_token: null },
      { "[B]": 544 },
    ],
    [
      "ids with gaps",
      { added_tokens_decoder: { 900: { content: "[B]" }, 800: { content: "[A]" } } },
      { "[A]": 544, "[B]": 545 },
    ],
  ])("has ids for %s in its configuration", (_, named, ids) => {
    const directory = copy();
    const config = readJson(directory, "tokenizer_config.json");
    writeJson({ ...config, ...named }, directory, "tokenizer_config.json");
    const tokenizer = Tokenizer.load(directory);
    for (const [token, id] of Object.entries(ids))
      expect(tokenizer.encode([token]).flatten().toArray()[1], token).toBe(BigInt(id));
    expect(tokenizer.highestId).toBe(543 + Object.keys(ids).length);
  });

  it("numbers tokens without gaps, whatever ids tokenizer.json gives them", () => {
    const directory = copy();
    const json = readJson(directory, "tokenizer.json");
    const added = [600, 900].map((id) => ({ id, content: `toy${id}`, special: false, normalized: false }));
    writeJson({ ...json, added_tokens: [...json.added_tokens, ...added] }, directory, "tokenizer.json");
    const tokenizer = Tokenizer.load(directory);
    expect(tokenizer.encode(["toy900 toy600"]).toArray()[0]).toEqual([542n, 545n, 544n, 543n]);
    expect(tokenizer.highestId).toBe(545);
  });

  it("finds the tokens of other files, unless the configuration lists what was added", () => {
    const directory = copy();
    writeJson({ mask_token: "[M]", pad_token: "!" }, directory, "special_tokens_map.json");
    writeJson({ toy: 544, "[M]": 545 }, directory, "added_tokens.json");
    const idsOf = (text: string) =>
      (Tokenizer.load(directory).encode([text]).toArray()[0] as bigint[]).slice(1, -1);
    expect([idsOf("toy [M]"), Tokenizer.load(directory).padId]).toEqual([[544n, 545n], 0]);
    const config = readJson(directory, "tokenizer_config.json");
    writeJson({ ...config, added_tokens_decoder: {} }, directory, "tokenizer_config.json");
    expect(idsOf("[M]")).not.toContain(545n);
    expect(Tokenizer.load(directory).padId).toBe(543);
  });

  it("may name tokens that the model lacks: texts with them are refused", () => {
    const directory = copy();
    const config = readJson(directory, "tokenizer_config.json");
    const named = { ...config, pad_token: "[PAD]", mask_token: "[MASK]" };
    writeJson(named, directory, "tokenizer_config.json");
    const { tokenizer } = loadModel(directory);
    const texts = ["a cat", "a photo of a cat"]; // of which one is padded
    expect(tokenizer.encode(texts).equal(loadModel(fixture("quick-gelu")).tokenizer.encode(texts))).toBe(
      true,
    );
    expect(() => tokenizer.encode(["a cat", "a [MASK]"])).toThrow(
      "Text \"a [MASK]\": the model has 544 tokens: expected ids up to 543, got 545 for '[MASK]'. Leave the token out",
    );
    writeJson({ ...named, bos_token: "<s>" }, directory, "tokenizer_config.json");
    expect(() => loadModel(directory)).toThrow("the tokenizer has ids up to 544, the model 544 tokens");
  });

  it("takes transformers' 10^30 for no limit", () => {
    const directory = copy();
    const config = readJson(directory, "tokenizer_config.json");
    writeJson({ ...config, model_max_length: 1e30 }, directory, "tokenizer_config.json");
    expect(Tokenizer.load(directory).contextLength).toBe(77);
    expect(loadModel(directory).tokenizer.contextLength).toBe(20);
  });
});
