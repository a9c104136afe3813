import { describe, expect, it } from "vitest";
import {
  type ClipConfig,
  createModel,
  type DualEncoder,
  encodePrompts,
  loadModel,
} from "../../lib/clip/index.js";
import { generator, nn, noGrad, randn, scope, type Tensor, tensor } from "../../lib/torch/index.js";
import { trainedAdapters } from "../lora/models.js";
import { expectClose, expected, fixture } from "./fixtures.js";

const texts = ["a photo of a cat.", "a photo of a very small blue bird.", "a photo of a dog."];

/** Features, and the gradients of their product with fixed numbers. */
function encode(model: DualEncoder, ids: Tensor, sharedPrefix: number, leaves: readonly Tensor[]) {
  return scope(() => {
    const features = model.encodeText(ids, { sharedPrefix });
    features
      .mul(randn(features.shape, { generator: generator(3) }))
      .sum()
      .backward();
    const gradients = leaves.map((leaf) => leaf.grad!.clone());
    for (const leaf of leaves) leaf.grad!.zero_();
    return { features: features.detach(), gradients };
  });
}

function expectSame(model: DualEncoder, ids: Tensor, sharedPrefix: number, leaves: readonly Tensor[]): void {
  const plain = encode(model, ids, 0, leaves);
  const shared = encode(model, ids, sharedPrefix, leaves);
  expectClose(shared.features, plain.features);
  for (const [i, gradient] of shared.gradients.entries()) {
    const scale = plain.gradients[i]!.abs().max().item() || 1;
    expectClose(gradient.div(scale), plain.gradients[i]!.div(scale), { what: `gradient ${i}` });
  }
}

describe.each(["quick-gelu", "gelu"])("the text tower of %s", (name) => {
  it("computes the same features and gradients when the common beginning is computed once", () => {
    const model = loadModel(fixture(name)).requiresGrad_(true);
    const common = expected(name)("ids").narrow(0, 0, 1);
    const ids = expected(name)("ids").clone();
    ids.narrow(1, 0, 3).copy_(common.narrow(1, 0, 3).expand([ids.size(0), 3]));
    const leaves = Array.from(model.text.parameters());
    for (const prefix of [1, 2, 3]) expectSame(model, ids, prefix, leaves);
  });
});

describe("a shared prefix", () => {
  it("goes with adapters on the text tower", () => {
    const model = loadModel(fixture("quick-gelu")).requiresGrad_(false);
    const lora = trainedAdapters(model, { encoders: "text" });
    const { ids, sharedPrefix } = encodePrompts(model.tokenizer, texts);
    const leaves = lora.layers.flatMap(({ loraA, loraB, importance }) => [loraA, loraB, importance]);
    expectSame(model, ids, sharedPrefix, leaves);
    lora.remove();
  });

  it("is read from the first text alone", () => {
    const model = loadModel(fixture("quick-gelu"));
    const { ids, sharedPrefix } = encodePrompts(model.tokenizer, texts);
    const others = ids.clone();
    others.narrow(0, 1, 2).narrow(1, 0, sharedPrefix).fill_(7);
    expectClose(model.encodeText(others, { sharedPrefix }), model.encodeText(ids));
  });

  it("is left out where blocks have adapters that read other positions", () => {
    const model = loadModel(fixture("quick-gelu"));
    const { ids, sharedPrefix } = encodePrompts(model.tokenizer, texts);
    model.text.encoder.blocks[1]!.adapter = {
      isPositionwise: false,
      forward: (attended) => attended.mean([1], true).expandAs(attended),
    };
    const encoded = noGrad(() =>
      [0, sharedPrefix].map((prefix) => model.encodeText(ids, { sharedPrefix: prefix })),
    );
    expect(encoded[1]!.equal(encoded[0]!)).toBe(true);
  });

  it("has to be shorter than the texts", () => {
    const model = loadModel(fixture("quick-gelu"));
    const ids = tensor([[1, 2, 3]], { dtype: "int64" });
    expect(() => model.encodeText(ids, { sharedPrefix: 3 })).toThrow(
      "encodeText: expected a shared prefix shorter than the 3 ids of a text, got 3. Take it from encodePrompts.",
    );
  });
});

describe("padding", () => {
  const [sharedPrefix, startId, endId] = [3, 542, 543];

  /** So many short texts around a long one, that leaving out what is behind their ends pays. */
  function paddedIds(): Tensor {
    const row = (length: number, i: number): number[] => [
      startId,
      5,
      9,
      ...Array.from({ length }, (_, at) => 10 + ((i + at) % 50)),
      endId,
    ];
    const rows = Array.from({ length: 100 }, (_, i) => row(i === 40 ? 16 : 1 + (i % 3), i));
    const padded = rows.map((ids) => [...ids, ...new Array(20 - ids.length).fill(endId)]);
    return tensor(padded, { dtype: "int64" });
  }

  function wideModel(): DualEncoder {
    const base = loadModel(fixture("quick-gelu"));
    const text = { ...base.config.text, width: 64, heads: 4, mlpWidth: 128 };
    return createModel({ ...base.config, text } as ClipConfig, { seed: 3, assets: base.assets });
  }

  it("is left out without changing features or gradients", () => {
    const model = wideModel().requiresGrad_(true);
    const ids = paddedIds();
    const packed: (number | undefined)[] = [];
    const fc1 = model.text.encoder.blocks[0]!.mlp.fc1;
    fc1.adapter = {
      forward(x, weight, bias) {
        packed.push(x.size(1));
        return nn.functional.linear(x, weight, bias ?? null);
      },
    };
    expectSame(model, ids, sharedPrefix, Array.from(model.text.parameters()));
    const [count, length] = ids.shape as [number, number];
    expect(packed[0]).toBe(length); // plain: [C, L, width]
    const ends = (ids.argmax(-1).toArray() as bigint[]).map(Number);
    const read = ends.reduce((sum, end) => sum + end + 1 - sharedPrefix, sharedPrefix);
    expect(packed[1]).toBe(read);
    expect(read).toBeLessThan((count * (length - sharedPrefix)) / 2);
  });

  it("does not count: what stands behind the end of a text changes nothing", () => {
    const model = wideModel();
    const ids = paddedIds();
    const end = Number((ids.argmax(-1).toArray() as bigint[])[0]);
    const other = ids.clone();
    other
      .select(0, 0)
      .narrow(0, end + 1, 3)
      .fill_(5);
    noGrad(() =>
      expectClose(model.encodeText(other, { sharedPrefix }), model.encodeText(ids, { sharedPrefix })),
    );
  });
});

describe("encodePrompts", () => {
  const { tokenizer } = loadModel(fixture("quick-gelu"));
  const sharedPrefix = (...prompts: string[]) => encodePrompts(tokenizer, prompts).sharedPrefix;

  it("gives the tokenizer's ids, and counts those that all prompts begin with", () => {
    const { ids } = encodePrompts(tokenizer, texts);
    expect(ids.equal(tokenizer.encode(texts))).toBe(true);
    const template = tokenizer.encode(["a photo of a"]).size(1) - 1; // without its end
    expect(sharedPrefix(...texts)).toBe(template);
    expect(sharedPrefix("cat", "dog")).toBe(1); // the start token
  });

  it("does not count the end of a text", () => {
    const length = tokenizer.encode(["cat"]).size(1);
    expect(sharedPrefix("cat", "cat")).toBe(length - 1);
    expect(sharedPrefix("a photo", "a photo of a cat")).toBeLessThan(tokenizer.encode(["a photo"]).size(1));
  });
});
