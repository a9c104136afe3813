import { describe, expect, it } from "vitest";
import { findModel } from "../../../lib/clip/checkpoint/find-model.js";
import { createModel, toOpenAi } from "../../../lib/clip/index.js";
import { ones, type Tensor } from "../../../lib/torch/index.js";

const tower = { width: 8, heads: 1, layers: 1, mlpWidth: 8, activation: "gelu", layerNormEps: 1e-5 } as const;
const model = createModel({
  text: { ...tower, vocabSize: 9, contextLength: 4, startTokenId: 7, padTokenId: 8, endTokenId: 8 },
  vision: { ...tower, imageSize: 8, patchSize: 4 },
  embedDim: 4,
  logitScaleInit: 1,
});
const huggingFace = [...model.stateDict()];
const openAi = [...toOpenAi(model.stateDict())];

type Entries = readonly (readonly [string, Tensor])[];
const under = (prefix: string, entries: Entries): Entries =>
  entries.map(([key, tensor]) => [prefix + key, tensor] as const);
const find = (entries: Entries, chosen?: string) => findModel(new Map(entries), "file", chosen);

describe("findModel", () => {
  it.each([
    ["", ""],
    ["module.", ""],
    ["state_dict.", "state_dict."],
    ["model_state_dict.", "model_state_dict."],
    ["model._orig_mod.module.", "model."],
    ["_fsdp_wrapped_module._orig_mod.", ""],
    ["state_dict.clip.", "state_dict.clip."],
    ["state_dict.net.backbone.clip_model.", "state_dict.net.backbone.clip_model."],
    ["checkpoint.0.model.", "checkpoint.0.model."],
    ["ema.", "ema."],
    ["visual_language_model.", "visual_language_model."],
  ])("takes '%s' off, in the names of OpenAI and of Hugging Face", (before, prefix) => {
    for (const [entries, naming] of [
      [openAi, "openai"],
      [huggingFace, "huggingface"],
    ] as const) {
      const found = find(under(before, entries))!;
      expect([...found.tensors.keys()]).toEqual(entries.map(([key]) => key));
      expect(found).toMatchObject({ naming, prefix });
      expect(found.notes).toEqual(before === "" ? [] : [`took '${before}' off the names of the parameters`]);
    }
  });

  it("leaves out what lies beside the model, and says so", () => {
    const beside: Entries = [
      ["state_dict.head.weight", ones([1])],
      ["optimizer.state.visual.conv1.weight.exp_avg", ones([1])],
    ];
    const found = find([...under("state_dict.clip.", openAi), ...beside])!;
    expect(found.tensors.size).toBe(openAi.length);
    expect(found.notes.at(-1)).toBe("left out 2 tensors beside the model, such as 'state_dict.head.weight'");
  });

  it.each(["ema", "model_ema", "state_dict_ema", "swa_model", "ema_state_dict", "teacher", "averaged_model"])(
    "prefers the model to '%s', and reads that where it is asked for",
    (name) => {
      const entries = [...under(`${name}.`, openAi), ...under("model.", openAi)];
      expect(find(entries)!.prefix).toBe("model.");
      expect(find(entries)!.notes.join()).toContain("the option `weights` chooses");
      expect(find(entries, name)!.prefix).toBe(`${name}.`);
    },
  );

  it("asks where there are several models, and names them", () => {
    const entries = [...under("state_dict.a.", openAi), ...under("state_dict.b.", openAi)];
    expect(() => find(entries)).toThrow(
      "file: holds several CLIP models, under 'state_dict.a', 'state_dict.b': expected one. Name the one to read with the option `weights`.",
    );
    expect(find(entries, "state_dict.b")!.prefix).toBe("state_dict.b.");
    expect(() => find(entries, "c")).toThrow(
      "no CLIP model under 'c.': expected 'state_dict.a', 'state_dict.b'",
    );
  });

  it("finds wrappers of a part of the model, and none where there is no model", () => {
    const wrapped = openAi.map(
      ([key, tensor]) => [key.replace(/^visual\./, "visual._orig_mod."), tensor] as const,
    );
    expect([...find(wrapped)!.tensors.keys()]).toEqual(openAi.map(([key]) => key));
    expect(find([["bert.embeddings.weight", ones([1])]])).toBeUndefined();
  });
});
