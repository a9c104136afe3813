import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { clipConfigs, formatConfig, parseConfig } from "../../lib/clip/index.js";
import { fixture } from "./fixtures.js";

describe("parseConfig", () => {
  it("fills in what published files leave out", () => {
    const published = {
      model_type: "clip",
      text_config: { eos_token_id: 49407 },
      vision_config: { patch_size: 16 },
    };
    const expected = { ...clipConfigs["vit-b-16"], text: { ...clipConfigs["vit-b-16"].text, padTokenId: 1 } };
    expect(parseConfig(published)).toEqual(expected);
  });

  it("prefers the fields that old files repeat in a _dict", () => {
    const config = parseConfig({
      text_config: { hidden_size: 512 },
      text_config_dict: { hidden_size: 768 },
      vision_config_dict: null,
    });
    expect(config.text.width).toBe(768);
  });

  it("names every wrong field and the file", () => {
    const json = { text_config: { hidden_size: -1 }, vision_config: { hidden_act: "relu" } };
    expect(() => parseConfig(json, "here/config.json")).toThrow(
      /^here\/config\.json: [\s\S]*text_config\.hidden_size[\s\S]*vision_config\.hidden_act/,
    );
  });

  it("takes what old files repeat in a _dict as transformers does: what it leaves out has its default", () => {
    const config = parseConfig({
      text_config: { hidden_act: "gelu", hidden_size: 768 },
      text_config_dict: { num_hidden_layers: 3 },
      vision_config: { hidden_act: "gelu" },
    });
    expect(config.text).toMatchObject({ activation: "quick_gelu", width: 512, layers: 3 });
    expect(config.vision.activation).toBe("gelu");
  });

  it("takes sides twice, and sizes that the patches do not divide", () => {
    const config = parseConfig({ vision_config: { image_size: [50, 50], patch_size: [12, 12] } });
    expect(config.vision).toMatchObject({ imageSize: 50, patchSize: 12 });
    expect(() => parseConfig({ vision_config: { image_size: [50, 40] } })).toThrow("image_size");
  });

  it.each([
    [
      "chinese_clip",
      /model_type chinese_clip: expected clip or siglip, with both encoders\. Use a checkpoint/,
    ],
    ["clip_vision_model", /model_type clip_vision_model: .* This is one encoder alone\./],
  ])("names the model where it is a %s", (type, message) => {
    expect(() => parseConfig({ model_type: type }, "config.json")).toThrow(message);
  });

  it("rejects widths that the heads do not divide and patches that are larger than the image", () => {
    expect(() => parseConfig({ text_config: { num_attention_heads: 7 } })).toThrow(
      "text_config: hidden_size 512 is not a multiple of num_attention_heads 7",
    );
    expect(() => parseConfig({ vision_config: { patch_size: 300 } })).toThrow(
      "vision_config: expected a patch_size of at most image_size 224, got 300",
    );
  });
});

describe("formatConfig", () => {
  it.each(["gelu", "quick-gelu"])("writes what transformers wrote for %s", (name) => {
    const published = JSON.parse(readFileSync(fixture(name, "config.json"), "utf8"));
    const written = formatConfig(parseConfig(published));
    // The towers' own projection_dim is not used; dropout and initialisation are for training from scratch.
    for (const tower of ["text_config", "vision_config"]) {
      for (const key of ["attention_dropout", "initializer_factor", "initializer_range"])
        delete published[tower][key];
      published[tower].projection_dim = published.projection_dim;
    }
    const { dtype, transformers_version, initializer_factor, ...rest } = published;
    expect(written).toEqual(rest);
  });

  it.each(Object.entries(clipConfigs))("keeps %s", (_, config) => {
    expect(parseConfig(formatConfig(config))).toEqual(config);
  });
});
