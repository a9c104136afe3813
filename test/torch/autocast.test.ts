import { describe, expect, test } from "vitest";
import {
  autocast,
  isGradEnabled,
  linalgCholesky,
  mm,
  mul,
  nn,
  noGrad,
  ones,
  optim,
  type Tensor,
} from "../../lib/torch/index.js";
import { readFixture, restore, type SavedTensor } from "./fixtures.js";

const F = nn.functional;
const square = () => ones([2, 2]);
const productDtype = () => mm(square(), square()).dtype;

interface Saved {
  readonly inputs: Record<string, SavedTensor>;
  readonly stages: Record<string, SavedTensor>;
  readonly gradients: Record<string, SavedTensor>;
}

describe("a transformer block under autocast", () => {
  const { inputs, stages, gradients } = readFixture<Saved>("autocast.json");

  // Processors with and without instructions for bfloat16 round sums at other places: three of its 8 bits.
  function expectNear(actual: Tensor, wanted: SavedTensor, what: string): void {
    expect(actual.dtype, what).toBe(wanted.dtype);
    expect(actual.shape, what).toEqual(wanted.shape);
    const reference = restore(wanted).float();
    const largest = reference.abs().max().item();
    expect(actual.float().sub(reference).abs().max().item(), what).toBeLessThanOrEqual(largest * 2 ** -6);
  }

  test("has the dtypes, values and gradients of PyTorch's", () => {
    const leaves = Object.fromEntries(
      Object.entries(inputs).map(([name, saved]) => [name, restore(saved).requiresGrad_()]),
    );
    const { x, scale, shift, qkv, bias, up, down } = leaves as Record<string, Tensor> & { x: Tensor };
    const computed = autocast({ dtype: "bfloat16", device: "cpu" }, () => {
      const normed = F.layerNorm(x, [8], { weight: scale, bias: shift });
      const projected = F.linear(normed, qkv!, bias!);
      const [q, k, v] = projected.chunk(3, -1).map((part) => part.view([2, 5, 2, 4]).transpose(1, 2));
      const mixed = F.scaledDotProductAttention(q!, k!, v!, { isCausal: true })
        .transpose(1, 2)
        .reshape([2, 5, 8]);
      const residual = x.add(mixed);
      const hidden = F.gelu(residual.matmul(up!.t()));
      const output = residual.add(hidden.matmul(down!.t()));
      const loss = autocast({ enabled: false }, () => output.float().square().sum([-1]).mean());
      return { normed, projected, mixed, hidden, output, loss };
    });
    for (const [name, tensor] of Object.entries(computed)) expectNear(tensor, stages[name]!, name);
    computed.loss.backward();
    for (const [name, leaf] of Object.entries(leaves)) expectNear(leaf.grad!, gradients[name]!, name);
  });
});

describe("autocast", () => {
  test("ends with the function, also when it throws", () => {
    expect(autocast({ dtype: "bfloat16" }, productDtype)).toBe("bfloat16");
    expect(productDtype()).toBe("float32");
    expect(() => autocast({}, () => linalgCholesky(mul(square(), -1)))).toThrow();
    expect(productDtype()).toBe("float32");
  });

  test("nests, and can be switched off inside", () => {
    const dtypes = autocast({}, () => [
      autocast({ dtype: "float16" }, productDtype),
      productDtype(),
      autocast({ enabled: false }, productDtype),
      productDtype(),
    ]);
    expect(dtypes).toEqual(["float16", "bfloat16", "float32", "bfloat16"]);
  });

  test("notices between two scopes that a weight has changed", () => {
    const weight = square().requiresGrad_();
    const sum = () => autocast({}, () => mm(square(), weight).float().sum().item());
    expect(sum()).toBe(8);
    noGrad(() => weight.fill_(2));
    expect(sum()).toBe(16);
  });

  test.each([
    ["Sgd", (weight: Tensor) => new optim.Sgd([weight], { learningRate: 1 })],
    ["AdamW", (weight: Tensor) => new optim.AdamW([weight], { learningRate: 1 })],
  ])("takes no step of %s, which the forward passes inside would not see", (name, make) => {
    const weight = square().requiresGrad_();
    const optimizer = make(weight);
    const lossAfterStep = (step: () => void) =>
      autocast({}, () => {
        mm(square(), weight).float().sum().backward();
        step();
        return mm(square(), weight).float().sum().item();
      });
    const refusal = `${name}.step: expected a call outside of autocast, got one inside`;
    expect(() => lossAfterStep(() => optimizer.step())).toThrow(refusal);
    const switchedOff = () => autocast({ enabled: false }, () => optimizer.step());
    expect(() => lossAfterStep(switchedOff)).toThrow(refusal);
    expect(lossAfterStep(() => noGrad(() => weight.fill_(2)))).toBe(8); // the reason: libtorch keeps the cast of 1
    optimizer.step();
    expect(weight.toArray()).not.toEqual([
      [2, 2],
      [2, 2],
    ]);
  });

  test("that is switched off and in no other takes steps, which forward passes inside see", () => {
    const weight = square().requiresGrad_();
    const optimizer = new optim.Sgd([weight], { learningRate: 1 });
    const sum = () => autocast({}, () => mm(square(), weight).float().sum());
    const sums = autocast({ enabled: false }, () => {
      const before = sum();
      before.backward();
      optimizer.step();
      return [before.item(), sum().item()];
    });
    expect(sums).toEqual([8, -8]); // every weight from 1 to 1 - 2
    expect(() => autocast({ enabled: false, device: "meta" }, square)).toThrow(/autocast/);
  });

  test("keeps the gradient of a weight that was first used without", () => {
    const weight = square().requiresGrad_();
    autocast({}, () => {
      noGrad(() => mm(square(), weight));
      expect(isGradEnabled()).toBe(true);
      return mm(square(), weight).sum();
    }).backward();
    expect(weight.grad?.dtype).toBe("float32");
    expect(weight.grad?.sum().item()).toBe(8);
  });

  test("is for half precision, synchronous functions, and devices that know it", () => {
    expect(() => autocast({ dtype: "int32" }, square)).toThrow(
      "expected dtype bfloat16 or float16, got int32.",
    );
    expect(() => autocast({}, async () => 1)).toThrow("autocast: expected a synchronous function");
    expect(() => autocast({ device: "meta" }, square)).toThrow(/autocast/);
    expect(productDtype()).toBe("float32");
  });
});
