import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadAdapter, saveAdapter, survivingRanks } from "../../lib/lora/index.js";
import { noGrad, ones, safetensors, type Tensor } from "../../lib/torch/index.js";
import { temporaryDirectory } from "../clip/fixtures.js";
import { tinyClip, trainedAdapters } from "./models.js";

// biome-ignore lint/suspicious/noExplicitAny: tests look into files of several shapes
const readJson = (...path: string[]): any => JSON.parse(readFileSync(join(...path), "utf8"));

const q = "vision_model.encoder.layers.0.self_attn.q_proj";
const fc1 = "text_model.encoder.layers.1.mlp.fc1";

/** Rank 2 for q, rank 1 for fc1. */
function smallUpdates(): Map<string, { loraA: Tensor; loraB: Tensor }> {
  return new Map([
    [q, { loraA: ones([2, 24]), loraB: ones([24, 2]) }],
    [fc1, { loraA: ones([1, 16]), loraB: ones([40, 1]) }],
  ]);
}

function savedUpdates(): string {
  const folder = join(temporaryDirectory(), "adapter");
  saveAdapter(smallUpdates(), folder);
  return folder;
}

describe("saveAdapter", () => {
  it("names matrices, ranks and scales as PEFT does", () => {
    const folder = join(temporaryDirectory(), "adapter");
    saveAdapter(smallUpdates(), folder, { baseModel: "models/clip" });
    expect(readdirSync(folder).sort()).toEqual(["adapter_config.json", "adapter_model.safetensors"]);
    expect(readJson(folder, "adapter_config.json")).toMatchObject({
      peft_type: "LORA",
      base_model_name_or_path: "models/clip",
      r: 2,
      lora_alpha: 2,
      rank_pattern: { [fc1]: 1 },
      alpha_pattern: { [fc1]: 1 },
      target_modules: [q, fc1],
    });
    const { tensors } = safetensors.load(join(folder, "adapter_model.safetensors"));
    expect(Array.from(tensors, ([key, { shape }]) => [key, shape])).toEqual([
      [`base_model.model.${q}.lora_A.weight`, [2, 24]],
      [`base_model.model.${q}.lora_B.weight`, [24, 2]],
      [`base_model.model.${fc1}.lora_A.weight`, [1, 16]],
      [`base_model.model.${fc1}.lora_B.weight`, [40, 1]],
    ]);
  });

  it("leaves nothing behind when a tensor cannot be written", () => {
    const parent = temporaryDirectory();
    const updates = smallUpdates();
    updates.get(fc1)!.loraA.dispose();
    expect(() => saveAdapter(updates, join(parent, "adapter"))).toThrow(/disposed|released/);
    expect(readdirSync(parent)).toEqual([]);
  });
});

describe("loadAdapter", () => {
  it("reads what saveAdapter wrote", () => {
    const lora = trainedAdapters(tinyClip(), { rank: 3 });
    noGrad(() => lora.importance.select(0, 0).zero_());
    const updates = survivingRanks(lora);
    const folder = join(temporaryDirectory(), "adapter");
    saveAdapter(updates, folder);
    const loaded = loadAdapter(folder);
    expect([...loaded.keys()]).toEqual([...updates.keys()]);
    for (const [name, { loraA, loraB }] of updates) {
      expect(loaded.get(name)!.loraA.equal(loraA), name).toBe(true);
      expect(loaded.get(name)!.loraB.equal(loraB), name).toBe(true);
    }
  });

  it.each([
    ["lora_alpha", { lora_alpha: 4 }, 2, 4],
    ["alpha_pattern by the end of a path", { alpha_pattern: { q_proj: 6, "mlp.fc.": 5 } }, 3, 5],
    ["the first alpha_pattern that fits", { alpha_pattern: { "self_attn.q_proj": 4, q_proj: 6 } }, 2, 2],
    ["no alpha_pattern of a part of a name", { alpha_pattern: { proj: 6, "layers.0": 8 } }, 1, 2],
    ["rsLoRA", { use_rslora: true }, Math.SQRT2, 2],
  ])("scales by %s", (_, change, ofQ, ofFc1) => {
    const folder = savedUpdates();
    const config = { ...readJson(folder, "adapter_config.json"), alpha_pattern: {}, ...change };
    writeFileSync(join(folder, "adapter_config.json"), JSON.stringify(config));
    const updates = loadAdapter(folder);
    expect(updates.get(q)!.loraB.max().item()).toBeCloseTo(ofQ, 6);
    expect(updates.get(fc1)!.loraB.max().item()).toBeCloseTo(ofFc1, 6);
  });

  it("reads an adapter of no matrix", () => {
    const folder = join(temporaryDirectory(), "adapter");
    saveAdapter(new Map(), folder);
    expect(loadAdapter(folder).size).toBe(0);
  });

  it.each([
    ["another method", { peft_type: "LOHA" }, /expected a plain LoRA adapter.*peft_type/s],
    ["DoRA", { use_dora: true }, /expected a plain LoRA adapter.*use_dora/s],
    ["PiSSA", { init_lora_weights: "pissa_niter_4" }, /took the factors out of the base.*init_lora_weights/s],
    ["OLoRA", { init_lora_weights: "olora" }, /took the factors out of the base.*init_lora_weights/s],
    ["whole modules", { modules_to_save: ["visual_projection"] }, /whole modules.*modules_to_save/s],
    [
      "what PEFT may switch on later",
      { use_hyper_lora: true },
      /a computation not known here.*use_hyper_lora/s,
    ],
    ["biases", { bias: "all" }, /biases that were trained are not read.*bias/s],
    [
      "another rank than the factors have",
      { r: 3 },
      /q_proj of rank 2, for which adapter_config\.json says 3/,
    ],
  ])("refuses %s", (_, change, message) => {
    const folder = savedUpdates();
    const config = { ...readJson(folder, "adapter_config.json"), ...change };
    writeFileSync(join(folder, "adapter_config.json"), JSON.stringify(config));
    expect(() => loadAdapter(folder)).toThrow(message);
  });

  it.each([
    [
      "B is missing",
      { [`base_model.model.${q}.lora_A.weight`]: [2, 24] },
      /q_proj with B missing and A \[2, 24\]/,
    ],
    [
      "the ranks differ",
      { [`base_model.model.${q}.lora_A.weight`]: [2, 24], [`base_model.model.${q}.lora_B.weight`]: [24, 3] },
      /q_proj with B \[24, 3\] and A \[2, 24\]/,
    ],
    [
      "a key is another",
      { [`base_model.model.${q}.lora_magnitude_vector`]: [24] },
      /got '\S+lora_magnitude_vector'/,
    ],
  ])("says so when %s", (_, shapes, message) => {
    const folder = savedUpdates();
    const tensors = Object.entries(shapes).map(([key, shape]) => [key, ones(shape)] as const);
    safetensors.save(join(folder, "adapter_model.safetensors"), tensors);
    expect(() => loadAdapter(folder)).toThrow(message);
  });

  it.each<[string, Tensor, RegExp]>([
    ["NaN", ones([24, 2]).mul(Number.NaN), /lora_B\.weight' holds numbers that are NaN or infinite/],
    ["integers", ones([24, 2]).to({ dtype: "int8" }), /lora_B\.weight' is int8: expected floats/],
  ])("refuses %s", (_, loraB, message) => {
    const folder = savedUpdates();
    const keys = ["A", "B"].map((factor) => `base_model.model.${q}.lora_${factor}.weight`);
    safetensors.save(join(folder, "adapter_model.safetensors"), [
      [keys[0]!, ones([2, 24])],
      [keys[1]!, loraB],
    ]);
    expect(() => loadAdapter(folder)).toThrow(message);
  });

  it("says so when the configuration is missing or damaged", () => {
    const folder = savedUpdates();
    writeFileSync(join(folder, "adapter_config.json"), "{");
    expect(() => loadAdapter(folder)).toThrow(
      /adapter_config\.json: expected the configuration of an adapter: .* Export it again\.$/,
    );
    expect(() => loadAdapter(join(folder, "nowhere"))).toThrow(/nowhere.*is missing: expected a file/);
  });
});
