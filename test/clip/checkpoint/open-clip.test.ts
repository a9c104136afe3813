import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseOpenClipConfig } from "../../../lib/clip/checkpoint/open-clip.js";
import { loadModel } from "../../../lib/clip/index.js";
import { ones, safetensors } from "../../../lib/torch/index.js";
import { temporaryDirectory } from "../fixtures.js";

const vision = { image_size: 32, layers: 2, width: 64, patch_size: 16 };
const text = { context_length: 9, vocab_size: 530, width: 64, heads: 1, layers: 2 };

/** Loads an open_clip directory of this configuration, whose weights are of none. */
function load(modelConfig: object, preprocessConfig: object = {}): void {
  const directory = temporaryDirectory();
  const config = { model_cfg: { embed_dim: 20, ...modelConfig }, preprocess_cfg: preprocessConfig };
  writeFileSync(join(directory, "open_clip_config.json"), JSON.stringify(config));
  safetensors.save(join(directory, "open_clip_model.safetensors"), [["visual.proj", ones([64, 20])]]);
  loadModel(directory);
}

describe("open_clip's configuration", () => {
  it("is read, with values that say what is so by default", () => {
    const neutral = {
      pool_type: "argmax",
      no_causal_mask: false,
      ls_init_value: null,
      hf_tokenizer_name: "x",
    };
    const towers = { vision_cfg: { ...vision, patch_dropout: 0.5 }, text_cfg: { ...text, ...neutral } };
    expect(() => load({ ...towers, custom_text: false })).toThrow("missing: visual.conv1.weight");
  });

  it("is read with another epsilon, filter, or one mean for all channels, and fields of parts it has not", () => {
    const odd = { norm_kwargs: { eps: 1e-3 }, act_kwargs: {}, block_type: "custom", timm_pool: "avg" };
    const model = {
      embed_dim: 20,
      vision_cfg: { ...vision, ...odd },
      text_cfg: { ...text, norm_kwargs: {} },
    };
    const preprocess = { interpolation: "bilinear", mean: 0.5, std: 0.25 };
    const parsed = parseOpenClipConfig({ model_cfg: model, preprocess_cfg: preprocess }, "a file");
    expect(parsed.config.vision.layerNormEps).toBe(1e-3);
    expect(parsed.config.text.layerNormEps).toBe(1e-5);
    const half = [0.5, 0.5, 0.5];
    expect(parsed.preprocessing).toMatchObject({ filter: "bilinear", mean: half, std: [0.25, 0.25, 0.25] });
  });

  it.each([
    [
      "a ResNet",
      { vision_cfg: { ...vision, layers: [3, 4, 6, 3] }, text_cfg: text },
      "give one of the ViT models",
    ],
    [
      "a model of timm",
      { vision_cfg: { ...vision, timm_model_name: "vit" }, text_cfg: text },
      "timm_model_name",
    ],
    ["no causal mask", { vision_cfg: vision, text_cfg: { ...text, no_causal_mask: true } }, "no_causal_mask"],
    ["an unknown field", { vision_cfg: vision, text_cfg: { ...text, rotary: true } }, "rotary"],
    [
      "texts cleaned in another way",
      { vision_cfg: vision, text_cfg: { ...text, tokenizer_kwargs: { clean: "canonicalize" } } },
      "tokenizer_kwargs, clean: expected 'lower', got \"canonicalize\", by which texts become other tokens",
    ],
    [
      "texts framed in another way",
      { vision_cfg: vision, text_cfg: { ...text, hf_tokenizer_name: ".", tokenizer_mode: "clips" } },
      "tokenizer_mode",
    ],
    ["layer scale", { vision_cfg: { ...vision, ls_init_value: 0.1 }, text_cfg: text }, "ls_init_value"],
    ["a text decoder", { vision_cfg: vision, text_cfg: text, multimodal_cfg: {} }, "multimodal_cfg"],
    [
      "heads that do not divide",
      { vision_cfg: { ...vision, head_width: 48 }, text_cfg: text },
      "width 64 cannot be divided",
    ],
    ["no towers", {}, "vision_cfg"],
  ])("is refused with %s", (_, config, message) => {
    expect(() => load(config)).toThrow(message);
  });

  it("is refused with another way of resizing", () => {
    expect(() => load({ vision_cfg: vision, text_cfg: text }, { resize_mode: "longest" })).toThrow(
      "resize_mode",
    );
  });
});
