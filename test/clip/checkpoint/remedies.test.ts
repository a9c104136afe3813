import { expect, it } from "vitest";
import { remedyFor } from "../../../lib/clip/checkpoint/remedies.js";
import { ones, zeros } from "../../../lib/torch/index.js";

const layer = "text_model.encoder.layers.0";

it.each([
  ["an adapter that was not merged", `${layer}.self_attn.q_proj.base_layer.weight`, "merge_and_unload"],
  ["its factors", `${layer}.self_attn.q_proj.lora_A.default.weight`, "merge_and_unload"],
  ["8 bits of bitsandbytes", `${layer}.mlp.fc1.SCB`, "dequantize()"],
  ["scaled floats of 8 bits", `${layer}.mlp.fc1.weight_scale_inv`, "dequantize()"],
  ["a norm of weights", "visual_projection.parametrizations.weight.original0", "remove_parametrizations"],
  ["flattened weights", "vision_model._flat_param", "full state dict"],
  ["another model", `${layer}.gate.weight`, "Use the configuration of these weights."],
])("tells the way back from %s", (_, name, remedy) => {
  expect(remedyFor([name], new Map([[`${layer}.mlp.fc1.weight`, ones([2])]]))).toContain(remedy);
});

it("tells the way back from the empty parameters of ZeRO 3", () => {
  const empty = new Map([["visual_projection.weight", zeros([0])]]);
  expect(remedyFor([], empty)).toContain("zero_to_fp32.py");
});
