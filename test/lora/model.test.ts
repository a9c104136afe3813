import { describe, expect, it } from "vitest";
import type { DualEncoder } from "../../lib/clip/index.js";
import {
  inject,
  type LoraConfig,
  type LoraModel,
  LoraOptimizer,
  type LoraTarget,
} from "../../lib/lora/index.js";
import { generator, memoryStatistics, noGrad, scope, type Tensor } from "../../lib/torch/index.js";
import { expectClose } from "../clip/fixtures.js";
import { features, snapshot, tinyClip, trainedAdapters } from "./models.js";

const configs: Partial<LoraConfig>[] = [
  {},
  { rank: 1 },
  { rank: 5, importance: "ones" },
  { rank: 3, importance: "fixed" },
  { rank: 3, importance: "fixed-normal" },
  { rank: 4, encoders: "vision" },
  { rank: 4, encoders: "text" },
  { rank: 4, targets: ["q", "v"] },
  { rank: 4, targets: ["k"], encoders: "vision" },
  { rank: 4, targets: ["o"] },
  { rank: 4, targets: ["fc", "proj"] },
  { rank: 4, targets: ["proj", "v", "o"], encoders: "text" },
];

describe.each(configs)("adapters %j", (config) => {
  it("change nothing while B is zero", () => {
    const model = tinyClip();
    const before = features(model);
    inject(model, config);
    expectSame(features(model), before, 1e-6);
  });

  it("give the same output merged as unmerged", () => {
    const model = tinyClip();
    const before = features(model);
    const lora = trainedAdapters(model, config);
    const adapted = features(model);
    for (const encoder of ["image", "text"] as const) {
      const isAdapted =
        config.encoders === undefined || config.encoders === { image: "vision", text: "text" }[encoder];
      expect(adapted[encoder].allclose(before[encoder], { atol: 1e-3 })).toBe(!isAdapted);
    }
    lora.merge();
    expectSame(features(model), adapted, 1e-5);
  });

  it("count and merge exactly the ranks that are not zero", () => {
    const model = tinyClip();
    const lora = trainedAdapters(model, config);
    const rows = lora.importance.toArray() as number[][];
    const counts = rows.map((row) => row.filter((w) => w !== 0).length);
    expect(lora.activeRanks()).toEqual(counts);
    expect(lora.merge()).toEqual(counts);
  });

  it("do not let a rank of weight zero change the output", () => {
    const model = tinyClip();
    const lora = trainedAdapters(model, config);
    noGrad(() => lora.importance.select(1, 0).zero_());
    const adapted = features(model);
    noGrad(() => {
      for (const { loraA, loraB } of lora.layers) {
        loraA.select(1, 0).fill_(1e30);
        loraB.select(2, 0).fill_(1e30);
      }
    });
    lora.merge();
    expectSame(features(model), adapted, 1e-5);
  });

  it("leave an ordinary CLIP in which only the adapted matrices differ", () => {
    const model = tinyClip();
    const before = snapshot(model);
    const count = model.numParameters();
    const lora = trainedAdapters(model, config);
    const names = lora.modules.map(({ name }) => `${name}.weight`);
    lora.merge();
    const after = model.stateDict();
    expect(shapesOf(after)).toEqual(shapesOf(before));
    expect(model.numParameters()).toBe(count);
    expect(model.adaptableLayers().filter(({ linear }) => linear.adapter !== undefined)).toEqual([]);
    const changed = [...after].filter(([key, tensor]) => !tensor.equal(before.get(key)!)).map(([key]) => key);
    expect(changed.sort()).toEqual(names.sort());
  });

  it("get gradients, and the frozen weights none", () => {
    const model = tinyClip();
    const lora = trainedAdapters(model, config);
    lossOf(model).backward();
    for (const [name, parameter] of model.namedParameters()) expect(parameter.grad, name).toBeUndefined();
    for (const { loraA, loraB } of lora.layers) {
      expect(loraA.grad!.abs().sum().item()).toBeGreaterThan(0);
      expect(loraB.grad!.abs().sum().item()).toBeGreaterThan(0);
    }
    const total = gradientsOf(lora).importance.abs().sum().item();
    if (config.importance?.startsWith("fixed")) expect(total).toBe(0);
    else expect(total).toBeGreaterThan(0);
  });

  it("are taken off by remove", () => {
    const model = tinyClip();
    const before = features(model);
    const weights = snapshot(model);
    trainedAdapters(model, config).remove();
    expectSame(features(model), before, 0);
    for (const [key, tensor] of model.stateDict()) expect(tensor.equal(weights.get(key)!), key).toBe(true);
  });

  it.each(["merge", "remove"] as const)("release all memory in %s", (finish) => {
    const model = tinyClip();
    const run = (): void => scope(() => void trainedAdapters(model, config)[finish]());
    run();
    const before = memoryStatistics();
    run();
    expect(memoryStatistics()).toEqual(before);
  });
});

/** Views of the flat gradient. */
function gradientsOf(lora: LoraModel): { factors: Tensor; importance: Tensor } {
  const { factors, importance } = lora;
  const rest = lora.parameters.grad!.narrow(0, factors.numel(), importance.numel());
  return {
    factors: lora.parameters.grad!.narrow(0, 0, factors.numel()),
    importance: rest.view(importance.shape),
  };
}

describe("LoraModel", () => {
  it("computes with the effective weights of all layers until the next step", () => {
    const model = tinyClip();
    const lora = trainedAdapters(model, { rank: 2 });
    const before = features(model);
    const gradients = (): Tensor => {
      lora.zeroGrad();
      lossOf(model).backward();
      return lora.parameters.grad!.clone();
    };
    const expected = gradients();
    lora.formEffectiveWeights("float32");
    expect(lora.layers.every(({ effectiveWeight }) => effectiveWeight !== undefined)).toBe(true);
    expectSame(features(model), before, 1e-5);
    expectClose(gradients(), expected);
    new LoraOptimizer(lora).step(0, 0);
    expect(lora.layers.every(({ effectiveWeight }) => effectiveWeight === undefined)).toBe(true);
  });

  it("forms them anew and releases them", () => {
    const lora = trainedAdapters(tinyClip(), { rank: 2, targets: ["q", "o"] });
    const before = memoryStatistics();
    lora.formEffectiveWeights("bfloat16");
    lora.formEffectiveWeights("bfloat16");
    const formed = lora.layers.flatMap(({ effectiveWeight }) => effectiveWeight ?? []);
    expect(formed).toHaveLength(5); // o of five blocks; a layer of which only q is adapted computes part by part
    expect(formed.every(({ dtype }) => dtype === "bfloat16")).toBe(true);
    lora.releaseEffectiveWeights();
    expect(memoryStatistics()).toEqual(before);
  });

  it("accumulates all gradients in views of one flat tensor until zeroGrad", () => {
    const model = tinyClip();
    const lora = trainedAdapters(model, { rank: 2 });
    lossOf(model).backward();
    const gradients = gradientsOf(lora);
    const once = { factors: gradients.factors.clone(), importance: gradients.importance.clone() };
    const parts = lora.layers.flatMap(({ loraA, loraB }) => [loraA, loraB]);
    let offset = 0;
    for (const part of parts) {
      expect(part.isSameStorage(lora.factors)).toBe(true);
      expect(part.grad!.equal(once.factors.narrow(0, offset, part.numel()).view(part.shape))).toBe(true);
      offset += part.numel();
    }
    expect(offset).toBe(lora.factors.numel());
    let row = 0;
    for (const { importance } of lora.layers) {
      expect(importance.grad!.equal(once.importance.narrow(0, row, importance.size(0)))).toBe(true);
      row += importance.size(0);
    }

    lossOf(model).backward();
    expectClose(gradients.factors, once.factors.mul(2));
    expectClose(gradients.importance, once.importance.mul(2));
    lora.zeroGrad();
    for (const tensor of [lora.parameters, ...parts]) expect(tensor.grad!.eq(0).all().item()).toBe(true);
  });

  it("starts A uniform in ±1/√k, B at zero and w from N(0, 1)", () => {
    const model = tinyClip();
    const lora = inject(model, { rank: 64 }, generator(3));
    for (const { loraA, loraB, place } of lora.layers) {
      const bound = 1 / Math.sqrt(place.linear.inFeatures);
      expect(loraA.abs().max().item()).toBeLessThanOrEqual(bound);
      expect(loraA.abs().max().item()).toBeGreaterThan(0.98 * bound);
      expect(loraA.std().item() / bound).toBeCloseTo(1 / Math.sqrt(3), 1); // of a uniform distribution
      expect(loraB.eq(0).all().item()).toBe(true);
      expect([loraA.requiresGrad, loraB.requiresGrad]).toEqual([true, true]);
    }
    // 30 modules × 64 draws: three standard errors of mean and deviation.
    expect(lora.importance.numel()).toBe(1920);
    expect(Math.abs(lora.importance.mean().item())).toBeLessThan(3 / Math.sqrt(1920));
    expect(Math.abs(lora.importance.std().item() - 1)).toBeLessThan(3 / Math.sqrt(2 * 1920));
  });

  it("starts w at one where it is not drawn", () => {
    for (const importance of ["ones", "fixed"] as const) {
      const lora = inject(tinyClip(), { rank: 2, importance });
      expect(lora.importance.eq(1).all().item()).toBe(true);
      expect(lora.numTrainable.importance).toBe(importance === "fixed" ? 0 : 2 * 30);
    }
  });

  it("draws the same adapters from the same seed", () => {
    const draw = (seed: number) => inject(tinyClip(), { rank: 4 }, generator(seed));
    const [first, second, other] = [draw(7), draw(7), draw(8)];
    expect(first.factors.equal(second.factors)).toBe(true);
    expect(first.importance.equal(second.importance)).toBe(true);
    expect(first.factors.equal(other.factors)).toBe(false);
    expect(first.importance.equal(other.importance)).toBe(false);
  });

  it("names its modules as published checkpoints do", () => {
    const lora = inject(tinyClip(), { rank: 1, targets: ["v", "fc"] });
    expect(lora.modules).toHaveLength(2 * (2 + 3));
    expect(lora.modules.slice(0, 2)).toEqual([
      { name: "vision_model.encoder.layers.0.self_attn.v_proj", encoder: "vision", layer: 0, target: "v" },
      { name: "vision_model.encoder.layers.0.mlp.fc1", encoder: "vision", layer: 0, target: "fc" },
    ]);
    expect(lora.modules.at(-1)).toEqual({
      name: "text_model.encoder.layers.2.mlp.fc1",
      encoder: "text",
      layer: 2,
      target: "fc",
    });
  });

  it.each(["factors", "importance"] as const)(
    "refuses to merge %s that are not finite, and merges nothing",
    (part) => {
      const model = tinyClip();
      const before = snapshot(model);
      const lora = trainedAdapters(model, { rank: 2 });
      lora[part].view([-1]).select(0, -1).fill_(Number.NaN);
      expect(() => lora.merge()).toThrow(
        "merge: expected finite adapters, got 1 values that are not. Call remove(), and train with a lower learning rate.",
      );
      lora.remove();
      for (const [key, tensor] of model.stateDict()) expect(tensor.equal(before.get(key)!), key).toBe(true);
    },
  );
});

describe("inject", () => {
  it("refuses a model that has adapters", () => {
    const model = tinyClip();
    const lora = inject(model);
    expect(() => inject(model)).toThrow(
      "The model already has adapters: expected none on the layers that get them. Call merge() or remove() on them first.",
    );
    lora.remove();
    expect(() => inject(model)).not.toThrow();
  });

  it.each<[Partial<LoraConfig>, string]>([
    [{ rank: 0 }, "LoRA rank must be a whole number of at least 1, got 0."],
    [{ rank: 2.5 }, "LoRA rank must be a whole number of at least 1, got 2.5."],
    [{ targets: [] }, "LoRA targets must be some of q, k, v, o, fc, proj, got none."],
    [
      { targets: ["q", "qkv" as LoraTarget] },
      "LoRA targets must be some of q, k, v, o, fc, proj, got q, qkv.",
    ],
    [{ encoders: "audio" as "text" }, "LoRA encoders must be vision, text or both, got audio."],
  ])("refuses %j", (config, message) => {
    const model = tinyClip();
    expect(() => inject(model, config)).toThrow(message);
    expect(model.adaptableLayers().every(({ linear }) => linear.adapter === undefined)).toBe(true);
  });
});

function lossOf(model: DualEncoder): Tensor {
  const { image, text } = features(model);
  return image.square().sum().add(text.square().sum());
}

function expectSame(
  actual: ReturnType<typeof features>,
  wanted: ReturnType<typeof features>,
  tolerance: number,
): void {
  expectClose(actual.image, wanted.image, { rtol: tolerance, atol: tolerance, what: "image features" });
  expectClose(actual.text, wanted.text, { rtol: tolerance, atol: tolerance, what: "text features" });
}

function shapesOf(state: ReadonlyMap<string, Tensor>): [string, number[]][] {
  return Array.from(state, ([key, { shape }]) => [key, shape]);
}
