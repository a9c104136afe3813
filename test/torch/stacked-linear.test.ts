import { describe, expect, it } from "vitest";
import { cat, nn, noGrad, ones, randn, scope, type Tensor } from "../../lib/torch/index.js";
import { leaked } from "./fixtures.js";

const names = ["q_proj", "k_proj", "v_proj"];

function layerWithParts(): { layer: nn.StackedLinear; parts: Tensor[] } {
  const layer = new nn.StackedLinear(3, 2, names);
  noGrad(() => layer.bias?.copy_(randn([6])));
  const parts = names.map(() => randn([2, 3]));
  layer.shareParts(parts);
  return { layer, parts };
}

describe("StackedLinear with shared parts", () => {
  it("computes what the whole matrix does, and reads their memory", () => {
    const { layer, parts } = layerWithParts();
    const x = randn([4, 5, 3]);
    const before = layer.forward(x);
    noGrad(() => parts[1]?.mul_(2));
    const doubled = layer.forward(x);
    expect(doubled.narrow(-1, 0, 2).equal(before.narrow(-1, 0, 2))).toBe(true);
    expect(doubled.narrow(-1, 2, 2).equal(before.narrow(-1, 2, 2))).toBe(false);
    expect(layer.weight.equal(cat(parts))).toBe(true);
    expect(layer.forward(x).allclose(doubled)).toBe(true);
  });

  it("publishes them without a copy, and stacks them for whoever asks for parameters", () => {
    const { layer, parts } = layerWithParts();
    const published = layer.stateDict("qkv_proj.");
    expect([...published.keys()]).toEqual(names.flatMap((name) => [`${name}.weight`, `${name}.bias`]));
    noGrad(() => parts[0]?.fill_(7));
    expect(published.get("q_proj.weight")?.equal(ones([2, 3]).mul(7))).toBe(true);
    const [weight] = layer.parameters() as [Tensor];
    expect(weight.equal(cat(parts))).toBe(true);
    noGrad(() => parts[0]?.fill_(8)); // has no part in it any more
    expect(layer.weight.narrow(0, 0, 2).equal(ones([2, 3]).mul(7))).toBe(true);
  });

  it("gives the whole matrix to an adapter and to training", () => {
    const { layer, parts } = layerWithParts();
    layer.adapter = { forward: (_x, weight) => weight.clone() };
    expect(layer.forward(randn([1, 3])).equal(cat(parts))).toBe(true);
    const trained = layerWithParts().layer;
    trained.requiresGrad_(true);
    trained
      .forward(randn([2, 3]))
      .sum()
      .backward();
    expect(trained.weight.grad?.shape).toEqual([6, 3]);
  });

  it("releases all it holds", () => {
    const run = (use: (layer: nn.StackedLinear) => void) => () =>
      scope(() => {
        const { layer } = layerWithParts();
        use(layer);
        layer.dispose();
      });
    expect(leaked(run(() => {}))).toEqual({ tensors: 0, bytes: 0 });
    expect(leaked(run((layer) => void layer.weight))).toEqual({ tensors: 0, bytes: 0 });
  });
});
