import fs, { existsSync, readdirSync, readFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import {
  createModel,
  type DualEncoder,
  fromOpenAi,
  loadModel,
  saveModel,
  saveOpenAi,
  saveOpenClip,
} from "../../../lib/clip/index.js";
import { inject } from "../../../lib/lora/index.js";
import { archive, safetensors, type Tensor } from "../../../lib/torch/index.js";
import { fixture, temporaryDirectory } from "../fixtures.js";

const tiny = (name = "quick-gelu"): DualEncoder => loadModel(fixture(name));

/** A model that OpenAI's CLIP can be: 64 per head, and four times the width in the MLP. */
function openAiLike(visionWidth = 64): DualEncoder {
  const { config, assets } = tiny();
  const tower = (width: number) => ({ width, heads: width / 64, mlpWidth: 4 * width, layers: 1 });
  return createModel(
    {
      ...config,
      text: { ...config.text, ...tower(64) },
      vision: { ...config.vision, ...tower(visionWidth) },
    },
    { assets },
  );
}

function expectSameState(found: ReadonlyMap<string, Tensor>, wanted: ReadonlyMap<string, Tensor>): void {
  expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [key, tensor] of wanted) expect(found.get(key)!.equal(tensor), key).toBe(true);
}

describe("saveOpenClip", () => {
  it("writes the configuration, the weights and the tokenizer", () => {
    const model = tiny();
    const folder = join(temporaryDirectory(), "open-clip");
    saveOpenClip(model, folder);
    expect(readdirSync(folder).sort()).toEqual([
      "open_clip_config.json",
      "open_clip_model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    expect(JSON.parse(readFileSync(join(folder, "open_clip_config.json"), "utf8"))).toEqual({
      model_cfg: {
        embed_dim: 18,
        quick_gelu: true,
        vision_cfg: {
          image_size: 32,
          patch_size: 8,
          width: 24,
          layers: 2,
          head_width: 8,
          mlp_ratio: 32 / 24,
        },
        text_cfg: {
          context_length: 20,
          vocab_size: 544,
          width: 16,
          layers: 3,
          heads: 2,
          mlp_ratio: 2.5,
          hf_tokenizer_name: ".",
        },
      },
      preprocess_cfg: {
        mean: [0.48145466, 0.4578275, 0.40821073],
        std: [0.26862954, 0.26130258, 0.27577711],
        interpolation: "bicubic",
        resize_mode: "shortest",
      },
    });
    const { tensors } = safetensors.load(join(folder, "open_clip_model.safetensors"));
    expect(tensors.get("transformer.resblocks.2.attn.in_proj_weight")!.shape).toEqual([48, 16]);
    expectSameState(fromOpenAi(tensors), model.stateDict());
    expectSameState(loadModel(folder).stateDict(), model.stateDict());
  });

  it.each([
    [448, 1840],
    [24, 35],
    [64, 100],
    [72, 1],
  ])("writes a ratio of which Python makes the same width: %i to %i", (width, mlpWidth) => {
    const { config, assets } = tiny();
    const heads = 8;
    const model = createModel(
      { ...config, vision: { ...config.vision, width, heads, mlpWidth } },
      { assets },
    );
    const folder = join(temporaryDirectory(), "open-clip");
    saveOpenClip(model, folder);
    const { model_cfg } = JSON.parse(readFileSync(join(folder, "open_clip_config.json"), "utf8"));
    expect(Math.trunc(width * model_cfg.vision_cfg.mlp_ratio)).toBe(mlpWidth);
    expect(loadModel(folder).config.vision.mlpWidth).toBe(mlpWidth);
  });

  it("refuses a model that open_clip cannot build, and says why", () => {
    const parent = temporaryDirectory();
    expect(() => saveOpenClip(tiny("gelu"), join(parent, "out"))).toThrow(
      "This model cannot be written for open_clip.\n" +
        "  text layerNormEps: expected 0.00001, got 0.0001\n" +
        "  vision layerNormEps: expected 0.00001, got 0.0001\n" +
        "Write it as a Hugging Face directory: saveModel, or --format huggingface.",
    );
    const { config, assets } = tiny();
    const early = createModel(
      { ...config, text: { ...config.text, endTokenId: 9, activation: "gelu" } },
      { assets },
    );
    inject(early, { rank: 1 });
    expect(() => saveOpenClip(early, join(parent, "out"))).toThrow(
      /adapters: expected none, got vision_model.*\n.*text activation: expected quick_gelu, got gelu\n.*endTokenId, the highest id: expected 543, got 9\n/,
    );
    expect(readdirSync(parent)).toEqual([]);
  });
});

describe("saveOpenAi", () => {
  it("writes a state dict under OpenAI's names", () => {
    const model = openAiLike();
    const path = join(temporaryDirectory(), "new", "model.pt");
    saveOpenAi(model, path);
    const state = archive.load(path);
    expect(state.get("visual.proj")!.shape).toEqual([64, 18]);
    expectSameState(fromOpenAi(state), model.stateDict());
    const again = loadModel(path, { allowPickle: true });
    expectSameState(again.stateDict(), model.stateDict());
    expect(again.config.vision.activation).toBe("quick_gelu");
  });

  it("keeps the heads of a width at which open_clip's models have others", () => {
    const path = join(temporaryDirectory(), "model.pt");
    saveOpenAi(openAiLike(1280), path);
    expect(loadModel(path, { allowPickle: true }).config.vision.heads).toBe(20);
  });

  it("refuses a model of another shape, and says why", () => {
    const path = join(temporaryDirectory(), "model.pt");
    expect(() => saveOpenAi(tiny(), path)).toThrow(
      "This model cannot be written for OpenAI's CLIP.\n" +
        "  text heads, width / 64: expected 0.25, got 2\n" +
        "  text mlpWidth, 4 · width: expected 64, got 40\n" +
        "  vision heads, width / 64: expected 0.375, got 3\n" +
        "  vision mlpWidth, 4 · width: expected 96, got 32\n" +
        "Write it as a Hugging Face directory: saveModel, or --format huggingface.",
    );
    expect(existsSync(path)).toBe(false);
  });
});

describe("on a full disk", () => {
  const { writeSync } = fs;
  afterEach(() => {
    fs.writeSync = writeSync;
    syncBuiltinESMExports();
  });

  it.each([saveModel, saveOpenClip])("$name leaves nothing behind", (save) => {
    const parent = temporaryDirectory();
    const model = tiny();
    let written = 0;
    fs.writeSync = ((...args: Parameters<typeof writeSync>) => {
      written += 1;
      if (written < 5) return writeSync(...args);
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    }) as typeof writeSync;
    syncBuiltinESMExports();
    expect(() => save(model, join(parent, "out"))).toThrow("but the disk is full");
    expect(readdirSync(parent)).toEqual([]);
  });
});
