import { describe, expect, it } from "vitest";
import { applyUpdates, concatenateUpdates, type LoraConfig, survivingRanks } from "../../lib/lora/index.js";
import { memoryStatistics, noGrad, ones, scope } from "../../lib/torch/index.js";
import { expectClose } from "../clip/fixtures.js";
import { snapshot, tinyClip, trainedAdapters } from "./models.js";

const configs: Partial<LoraConfig>[] = [
  { rank: 4 },
  { rank: 3, importance: "fixed" },
  { rank: 3, importance: "fixed-normal" },
  { rank: 4, targets: ["proj", "k"], encoders: "text" },
];

describe.each(configs)("the low-rank updates of adapters %j", (config) => {
  it("are what merging adds to the base model", () => {
    const [merged, base] = [tinyClip(), tinyClip()];
    const lora = trainedAdapters(merged, config);
    const updates = survivingRanks(lora);
    lora.merge();
    applyUpdates(base, updates);
    const wanted = merged.stateDict();
    for (const [key, tensor] of base.stateDict())
      expectClose(tensor, wanted.get(key)!, { atol: 1e-6, what: key });
  });

  it("hold the surviving ranks and nothing else", () => {
    const lora = trainedAdapters(tinyClip(), config);
    const active = lora.activeRanks();
    const updates = survivingRanks(lora);
    expect([...updates.keys()]).toEqual(lora.modules.map(({ name }) => name));
    expect(Array.from(updates.values(), ({ loraA }) => loraA.size(0))).toEqual(active);
    expect(Array.from(updates.values(), ({ loraB }) => loraB.size(1))).toEqual(active);
  });
});

describe("survivingRanks", () => {
  it("leaves out matrices without any, and ranks that are not finite in a pruned one", () => {
    const lora = trainedAdapters(tinyClip(), { rank: 2, targets: ["o"] });
    noGrad(() => {
      lora.importance.select(0, 1).zero_();
      lora.importance.select(1, 1).zero_();
      for (const { loraA } of lora.layers) loraA.select(1, 1).fill_(Number.NaN);
    });
    const updates = survivingRanks(lora);
    expect([...updates.keys()]).toEqual(lora.modules.flatMap(({ name }, i) => (i === 1 ? [] : [name])));
    for (const { loraA } of updates.values()) expect(loraA.isfinite().all().item()).toBe(true);
  });

  it("copies, and keeps no other memory", () => {
    const model = tinyClip();
    const lora = trainedAdapters(model, { rank: 2 });
    const before = memoryStatistics();
    scope(() => void survivingRanks(lora));
    expect(memoryStatistics()).toEqual(before);
    const updates = survivingRanks(lora);
    const wanted = Array.from(updates.values(), ({ loraB }) => loraB.sum().item());
    lora.remove();
    expect(Array.from(updates.values(), ({ loraB }) => loraB.sum().item())).toEqual(wanted);
  });
});

describe("concatenateUpdates", () => {
  it("does what its parts do one after the other", () => {
    const [stepwise, atOnce] = [tinyClip(), tinyClip()];
    const parts = [
      { rank: 2 },
      { rank: 3, encoders: "vision" as const },
      { rank: 1, targets: ["o" as const] },
    ].map((config) => {
      const lora = trainedAdapters(stepwise, config);
      const updates = survivingRanks(lora);
      lora.merge();
      return updates;
    });
    const all = concatenateUpdates(parts);
    const ranks = (updates: typeof all) =>
      Array.from(updates.values()).reduce((sum, { loraA }) => sum + loraA.size(0), 0);
    expect(ranks(all)).toBe(parts.map(ranks).reduce((sum, count) => sum + count));
    applyUpdates(atOnce, all);
    const wanted = stepwise.stateDict();
    for (const [key, tensor] of atOnce.stateDict())
      expectClose(tensor, wanted.get(key)!, { atol: 1e-6, what: key });
  });

  it("of nothing is nothing", () => {
    expect(concatenateUpdates([]).size).toBe(0);
  });
});

describe("applyUpdates", () => {
  it("names all updates that do not fit, and applies none", () => {
    const model = tinyClip();
    const before = snapshot(model);
    const update = { loraA: ones([1, 24]), loraB: ones([24, 1]) };
    const updates = new Map([
      ["vision_model.encoder.layers.0.self_attn.q_proj", update],
      ["vision_model.encoder.layers.0.mlp.fc1", update],
      ["vision_model.encoder.layers.9.self_attn.q_proj", update],
    ]);
    expect(() => applyUpdates(model, updates)).toThrow(
      "2 low-rank updates do not fit the model.\n" +
        "  vision_model.encoder.layers.0.mlp.fc1: [24, 24], the model has [32, 24]\n" +
        "  vision_model.encoder.layers.9.self_attn.q_proj: [24, 24], the model has [nothing of that name]\n" +
        "Use the model they were trained on.",
    );
    for (const [key, tensor] of model.stateDict()) expect(tensor.equal(before.get(key)!), key).toBe(true);
  });
});
