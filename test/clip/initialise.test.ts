import { describe, expect, it } from "vitest";
import { type ClipConfig, clipConfigs, createModel } from "../../lib/clip/index.js";

const { text, vision, ...shared } = clipConfigs["vit-b-32"];
const config: ClipConfig = {
  ...shared,
  text: { ...text, width: 64, layers: 2, heads: 2, mlpWidth: 128, vocabSize: 1000 },
  vision: { ...vision, width: 96, layers: 3, heads: 3, mlpWidth: 128, imageSize: 64, patchSize: 8 },
};

describe("createModel", () => {
  const state = createModel(config, { seed: 3 }).stateDict();

  it("draws from the distributions of transformers", () => {
    const std = (key: string) => state.get(key)!.std().item();
    const expectStd = (key: string, expected: number) => expect(std(key) / expected, key).toBeCloseTo(1, 1);
    expectStd("text_model.embeddings.token_embedding.weight", 0.02);
    expectStd("vision_model.embeddings.position_embedding.weight", 0.02);
    expectStd("vision_model.embeddings.patch_embedding.weight", 0.02);
    expectStd("vision_model.encoder.layers.2.self_attn.k_proj.weight", (96 * 6) ** -0.5);
    expectStd("text_model.encoder.layers.0.self_attn.q_proj.weight", (64 * 4) ** -0.5);
    expectStd("text_model.encoder.layers.1.self_attn.out_proj.weight", 64 ** -0.5);
    expectStd("vision_model.encoder.layers.0.mlp.fc1.weight", (2 * 96) ** -0.5);
    expectStd("vision_model.encoder.layers.0.mlp.fc2.weight", (96 * 6) ** -0.5);
    expectStd("text_projection.weight", 64 ** -0.5);
    expectStd("visual_projection.weight", 96 ** -0.5);
  });

  it("sets biases to 0, norms to 1 and the logit scale to its initial value", () => {
    for (const [key, parameter] of state) {
      if (key.endsWith(".bias")) expect(parameter.abs().max().item(), key).toBe(0);
      else if (/norm\d?\.weight$/.test(key)) expect(parameter.eq(1).all().item(), key).toBe(true);
    }
    expect(state.get("logit_scale")!.item()).toBeCloseTo(2.6592, 6);
  });

  it("repeats with the seed and differs without", () => {
    const key = "vision_model.encoder.layers.0.mlp.fc1.weight";
    expect(createModel(config, { seed: 3 }).stateDict().get(key)!.equal(state.get(key)!)).toBe(true);
    expect(createModel(config, { seed: 4 }).stateDict().get(key)!.equal(state.get(key)!)).toBe(false);
  });
});
