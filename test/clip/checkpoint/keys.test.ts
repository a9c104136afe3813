import { describe, expect, it } from "vitest";
import { fromOpenAi, loadModel, toOpenAi } from "../../../lib/clip/index.js";
import { ones, safetensors, tensor } from "../../../lib/torch/index.js";
import { fixture } from "../fixtures.js";

describe("toOpenAi", () => {
  const state = safetensors.load(fixture("gelu", "model.safetensors")).tensors;
  const openAi = toOpenAi(state);

  it("renames every parameter, fuses q, k and v and transposes the projections", () => {
    expect(
      [...openAi.keys()].filter((key) => /_model\.|_projection\.|layer_?norm|self_attn|fc\d/.test(key)),
    ).toEqual([]);
    const fused = openAi.get("transformer.resblocks.1.attn.in_proj_bias")!;
    const parts = ["q", "k", "v"].map(
      (part) => state.get(`text_model.encoder.layers.1.self_attn.${part}_proj.bias`)!.toArray() as number[],
    );
    expect(fused.toArray()).toEqual(parts.flat());
    expect(openAi.get("visual.proj")!.equal(state.get("visual_projection.weight")!.t())).toBe(true);
    expect(openAi.get("visual.transformer.resblocks.2.mlp.c_fc.weight")!.shape).toEqual([36, 20]);
    expect(openAi.has("visual.ln_pre.weight")).toBe(true);
    expect(openAi.has("token_embedding.weight")).toBe(true);
  });

  it("is undone by fromOpenAi", () => {
    const back = fromOpenAi(openAi);
    const wanted = loadModel(fixture("gelu")).stateDict();
    expect([...back.keys()].sort()).toEqual([...wanted.keys()].sort());
    for (const [key, parameter] of wanted) expect(back.get(key)!.equal(parameter), key).toBe(true);
  });
});

describe("fromOpenAi", () => {
  it("leaves what it does not know as it is", () => {
    const state = new Map([
      ["logit_bias", tensor(1)],
      ["visual.transformer.resblocks.0.attn.q_norm.weight", ones([2])],
      ["transformer.resblocks.0.attn.in_proj_weight", ones([])],
    ]);
    expect([...fromOpenAi(state).keys()]).toEqual([
      "logit_bias",
      "vision_model.encoder.layers.0.self_attn.q_norm.weight",
      "text_model.encoder.layers.0.self_attn.in_proj_weight",
    ]);
  });
});
