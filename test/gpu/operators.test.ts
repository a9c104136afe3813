import { describe, expect, it } from "vitest";
import {
  callOperator,
  type Device,
  type DType,
  noGrad,
  type Tensor,
  tensor,
  zeros,
} from "../../lib/torch/index.js";
import { expectNear, hasGpu, normal } from "./compare.js";

const devices = ["cpu", "cuda"] as const;

/** Runs `compute` on the CPU and on the GPU, with the same inputs, and compares what comes back. */
function compare(inputs: readonly Tensor[], compute: (inputs: Tensor[], device: Device) => Tensor[]): void {
  const [wanted, actual] = devices.map((device) =>
    noGrad(() =>
      compute(
        inputs.map((input) => input.clone().to({ device })),
        device,
      ),
    ),
  ) as [Tensor[], Tensor[]];
  for (const [i, result] of actual.entries()) {
    expect(result.device).toMatch(/^cuda/);
    expectNear(result, wanted[i]!, `result ${i}`);
  }
}

/**
 * W, A, B and w of layers of all shapes that the kernels treat differently: stacked, ragged, of odd width, of
 * high rank.
 */
function layers(
  dtype: DType = "float32",
): [weights: Tensor[], loraA: Tensor[], loraB: Tensor[], importance: Tensor[]] {
  const shapes = [
    [3, 64, 64, 16],
    [1, 70, 300, 4],
    [1, 256, 512, 16],
    [2, 33, 257, 33],
    [1, 5, 3, 1],
  ] as const;
  const of = (seed: number, shape: (p: number, d: number, k: number, r: number) => number[]): Tensor[] =>
    shapes.map(([p, d, k, r], i) => normal(shape(p, d, k, r), seed + i, dtype));
  const importance = of(400, (p, _d, _k, r) => [p, r]);
  for (const w of importance) w.select(1, 0).zero_();
  return [
    of(100, (p, d, k) => [p * d, k]),
    of(200, (p, _d, k, r) => [p, r, k]),
    of(300, (p, d, _k, r) => [p, d, r]),
    importance,
  ];
}

describe.skipIf(!hasGpu)("on a GPU", () => {
  it.each(["soft_threshold_", "soft_threshold_released_"])("%s equals the CPU's", (name) => {
    compare([normal([1001], 1)], ([x]) => [callOperator(`codyra::${name}`, x, 0.3) as Tensor]);
  });

  const options = { beta1: 0.9, beta2: 0.9999, eps: 1e-8, weight_decay: 0.01 };

  describe.each([0, 1])("adamw_soft_threshold_ on memory that starts at element %i", (start) => {
    it.each([
      ["exact", false],
      ["in-place", true],
    ] as const)("equals the CPU's, with the %s threshold", (_name, released) => {
      const [count, first] = [10_007, 4_099];
      const inputs = [normal([count + start], 1).mul(0.01), normal([count + start], 2)];
      compare(inputs, (tensors, device) => {
        const [parameters, grad] = tensors.map((input) => input.narrow(0, start, count)) as [Tensor, Tensor];
        const moments = [zeros([count], { device }), zeros([count], { device })];
        for (let step = 1; step <= 5; step++) {
          callOperator("codyra::adamw_soft_threshold_", parameters, grad, ...moments, {
            ...options,
            ...{ step, lr: 1e-3, kappa: 5e-4, released, first },
          });
        }
        return [parameters, ...moments];
      });
    });
  });

  it("adamw_soft_threshold_ takes what changes from step to step from the device", () => {
    compare([normal([1000], 1), normal([1000], 2)], ([parameters, grad], device) => {
      const moments = [zeros([1000], { device }), zeros([1000], { device })];
      const schedule = tensor([1e-3, 5e-4, 7], { dtype: "float64" }).to({ device });
      const name = "codyra::adamw_soft_threshold_.schedule";
      callOperator(name, parameters, grad, ...moments, schedule, { ...options, first: 400 });
      return [parameters as Tensor, ...moments];
    });
  });

  it.each(["float32", "bfloat16"] as const)("effective_weights equals the CPU's in %s", (dtype) => {
    const lists = layers();
    const count = lists[0].length;
    compare(lists.flat(), (inputs) => {
      const [w, a, b, importance] = [0, 1, 2, 3].map((i) => inputs.slice(i * count, (i + 1) * count));
      return callOperator("codyra::effective_weights", w, a, b, importance, { dtype }) as Tensor[];
    });
  });

  it("merge_all_ranks_ equals the CPU's, and counts the same ranks", () => {
    const lists = layers();
    lists[1][0]!.select(1, 0).fill_(Number.POSITIVE_INFINITY); // the factor of a pruned rank has no effect
    const count = lists[0].length;
    compare(lists.flat(), (inputs) => {
      const [w, a, b, importance] = [0, 1, 2, 3].map((i) =>
        inputs.slice(i * count, (i + 1) * count),
      ) as Tensor[][];
      const active = callOperator("codyra::merge_all_ranks_", w, a, b, importance) as Tensor;
      return [...(w as Tensor[]), active.to({ dtype: "float32" })];
    });
  });

  it("merge_all_ranks_ refuses importance weights that are not finite, and changes nothing", () => {
    const [w, a, b, importance] = layers().map((list) =>
      list.map((item) => item.to({ device: "cuda" })),
    ) as Tensor[][];
    importance![1]!.fill_(Number.NaN);
    const before = w![0]!.clone();
    expect(() => callOperator("codyra::merge_all_ranks_", w, a, b, importance)).toThrow(/non-finite/);
    expect(w![0]!.equal(before)).toBe(true);
  });

  it.each(["float32", "bfloat16"] as const)("quick_gelu and its backward equal the CPU's in %s", (dtype) => {
    compare([normal([999], 1, dtype), normal([999], 2, dtype)], ([x, grad]) => [
      callOperator("codyra::quick_gelu", x) as Tensor,
      callOperator("codyra::quick_gelu_backward", grad, x) as Tensor,
    ]);
  });

  it.each(["float32", "bfloat16"] as const)(
    "lora_linear_stacked and its gradients equal the CPU's in %s",
    (dtype) => {
      const [weights, loraA, loraB, importance] = layers(dtype);
      const inputs = [
        normal([7, 64], 1, dtype),
        weights[0]!,
        normal([192], 2, dtype),
        loraA[0]!,
        loraB[0]!,
        importance[0]!,
      ];
      const results = devices.map((device) => {
        const leaves = inputs.map((input) => input.mul(0.1).to({ device }).detach().requiresGrad_());
        const y = callOperator("codyra::lora_linear_stacked", ...leaves) as Tensor;
        y.sum().backward();
        return [y.detach(), ...leaves.map((leaf) => leaf.grad!)];
      }) as [Tensor[], Tensor[]];
      for (const [i, actual] of results[1].entries()) expectNear(actual, results[0][i]!, `result ${i}`);
    },
  );
});
