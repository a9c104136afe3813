import { describe, expect, test } from "vitest";
import { arange, nn, noGrad, ones, type Tensor, tensor } from "../../lib/torch/index.js";
import { expectClose, leaked, readFixture, restore, type SavedTensor } from "./fixtures.js";

const F = nn.functional;

interface Case {
  readonly name: string;
  readonly inputs: Record<string, SavedTensor>;
  readonly output: SavedTensor;
  /** Factors of the output before its sum's backward pass. */
  readonly weighing: SavedTensor;
  readonly gradients: Record<string, SavedTensor>;
}

/** How each case of `fixtures/make.py` is written here; the arguments are its inputs in their order. */
const runs: Record<string, (a: Tensor, b: Tensor, c: Tensor, d: Tensor) => Tensor> = {
  linear: (input, weight, bias) => F.linear(input, weight, bias),
  "linear without bias": (input, weight) => F.linear(input, weight),
  layerNorm: (input, weight, bias) => F.layerNorm(input, [6], { weight, bias, eps: 1e-5 }),
  embedding: (weight, input) => F.embedding(weight, input),
  gelu: (input) => F.gelu(input),
  "gelu by tanh": (input) => F.gelu(input, { approximate: "tanh" }),
  quickGelu: (x) => F.quickGelu(x),
  attention: (query, key, value) => F.scaledDotProductAttention(query, key, value),
  "causal attention": (query, key, value) =>
    F.scaledDotProductAttention(query, key, value, { isCausal: true }),
  "masked attention": (query, key, value, attnMask) =>
    F.scaledDotProductAttention(query, key, value, { attnMask }),
  crossEntropy: (logits, target) => F.crossEntropy(logits, target),
  "crossEntropy summed": (logits, target) => F.crossEntropy(logits, target, { reduction: "sum" }),
  "crossEntropy per row": (logits, target) => F.crossEntropy(logits, target, { reduction: "none" }),
  "crossEntropy weighted": (logits, target) =>
    F.crossEntropy(logits, target, { weight: tensor([0.5, 1, 2, 0.25]) }),
  "crossEntropy smoothed": (logits, target) => F.crossEntropy(logits, target, { labelSmoothing: 0.1 }),
  "crossEntropy ignoring": (logits, target) => F.crossEntropy(logits, target),
  "crossEntropy of probabilities": (logits, target) => F.crossEntropy(logits, F.softmax(target, -1)),
  "crossEntropy of probabilities, smoothed": (logits, target) =>
    F.crossEntropy(logits, F.softmax(target, -1), { labelSmoothing: 0.2 }),
  normalize: (x) => F.normalize(x),
};

describe("functional agrees with PyTorch in values and gradients:", () => {
  const cases = readFixture<Case[]>("functional.json");

  test("every case is run", () => {
    expect(Object.keys(runs)).toEqual(cases.map(({ name }) => name));
  });

  test.each(cases)("$name", ({ name, inputs, output, weighing, gradients }) => {
    const leaves = Object.entries(inputs).map(([key, saved]) =>
      restore(saved).requiresGrad_(key in gradients),
    );
    const result = runs[name]!(...(leaves as [Tensor, Tensor, Tensor, Tensor]));
    expectClose(result, output, name);
    result.backward({ gradient: restore(weighing) });
    for (const [i, key] of Object.keys(inputs).entries()) {
      const wanted = gradients[key];
      if (wanted !== undefined) expectClose(leaves[i]!.grad!, wanted, `gradient of ${key}`);
    }
  });
});

describe("crossEntropy", () => {
  test("ignores the index that it is told to", () => {
    const logits = tensor([
      [2, -1],
      [0, 3],
    ]);
    const all = F.crossEntropy(logits, tensor([0n, 1n]), { ignoreIndex: 1, reduction: "none" });
    expect(all.toArray()).toEqual([expect.closeTo(0.0485873, 6), 0]);
  });

  test("refuses targets that do not fit", () => {
    expect(() => F.crossEntropy(ones([2, 3]), tensor([0n, 1n, 2n]))).toThrow(
      /Expected input batch_size \(2\) to match target batch_size \(3\)/,
    );
    expect(() => F.crossEntropy(ones([2, 3]), tensor([0n, 3n]))).toThrow(/Target 3 is out of bounds/);
  });
});

/** Two layers, of which one is stacked. */
class Block extends nn.Module {
  readonly qkv = this.registerChild("qkv", new nn.StackedLinear(3, 2, ["q_proj", "k_proj", "v_proj"]));
  readonly norm = this.registerChild("norm", new nn.LayerNorm(2, 1e-6, { dtype: "float64" }));
  readonly scale = this.registerParameter("scale", ones([]));
}

describe("Module", () => {
  test("names its parameters by their path, its own before its children's", () => {
    const block = new Block();
    expect(Array.from(block.namedParameters("block."), ([name, { shape }]) => [name, shape])).toEqual([
      ["block.scale", []],
      ["block.qkv.weight", [6, 3]],
      ["block.qkv.bias", [6]],
      ["block.norm.weight", [2]],
      ["block.norm.bias", [2]],
    ]);
    expect(Array.from(block.namedModules(), ([name]) => name)).toEqual(["", "qkv", "norm"]);
    expect(block.numParameters()).toBe(1 + 18 + 6 + 2 + 2);
  });

  test("publishes stacked layers under the names of their parts, as views", () => {
    const block = new Block();
    const state = block.stateDict("layer.");
    expect([...state.keys()]).toEqual([
      "layer.scale",
      ...["q_proj", "k_proj", "v_proj"].flatMap((part) => [`layer.${part}.weight`, `layer.${part}.bias`]),
      "layer.norm.weight",
      "layer.norm.bias",
    ]);
    noGrad(() => state.get("layer.k_proj.weight")!.copy_(arange(6).view([2, 3])));
    expect(block.qkv.weight.narrow(0, 2, 2).toArray()).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(() => block.qkv.part("o_proj", block.qkv.weight)).toThrow(
      "StackedLinear has no part 'o_proj': expected one of q_proj, k_proj, v_proj.",
    );
  });

  test("turns gradients on and off for all parameters", () => {
    const block = new Block().requiresGrad_(true);
    expect(block.parameters().every((parameter) => parameter.requiresGrad)).toBe(true);
    expect(
      block
        .requiresGrad_(false)
        .parameters()
        .some((parameter) => parameter.requiresGrad),
    ).toBe(false);
  });

  test("owns its parameters until it is disposed", () => {
    expect(leaked(() => new Block().dispose())).toEqual({ tensors: 0, bytes: 0 });
  });
});

describe("layers", () => {
  test("compute what their functions do, in the dtype they are made in", () => {
    const layer = new nn.Linear(2, 1, { dtype: "float64" });
    layer.weight.copy_(tensor([[2, -1]]));
    layer.bias?.fill_(0.5);
    const x = tensor([[3, 4]], { dtype: "float64" });
    expect(layer.forward(x).toArray()).toEqual([[2.5]]);
    expect(new nn.Linear(2, 1, { bias: false }).bias).toBeUndefined();
    layer.adapter = { forward: (input, weight) => F.linear(input, weight) };
    expect(layer.forward(x).toArray()).toEqual([[2]]);
  });

  test("normalise to mean 0 and variance 1 before training", () => {
    const out = new nn.LayerNorm(4).forward(tensor([[1, 2, 3, 4]]));
    expect(out.mean().item()).toBeCloseTo(0, 6);
    expect(out.square().mean().item()).toBeCloseTo(1, 4);
  });

  test("look up rows of an embedding", () => {
    const table = new nn.Embedding(3, 2);
    table.weight.copy_(arange(6).view([3, 2]));
    expect(table.forward(tensor([[2n, 0n]])).toArray()).toEqual([
      [
        [4, 5],
        [0, 1],
      ],
    ]);
    expect(() => table.forward(tensor([3n]))).toThrow("aten::embedding: index out of range in self");
  });
});
