import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  adamwSoftThreshold_,
  cat,
  grad,
  loraLinear,
  loraLinearStacked,
  mergeRanks_,
  mul,
  nn,
  noGrad,
  ones,
  optim,
  randn,
  softThreshold_,
  softThresholdReleased_,
  type Tensor,
  tensor,
} from "../../../lib/torch/index.js";
import { readBuildRecord } from "../../../scripts/setup/index.mjs";
import { needs } from "../../needs.js";

const { linear, quickGelu } = nn.functional;

interface PythonReport {
  readonly passed: number;
  readonly failures: readonly { test: string; message: string }[];
}

/** Runs the operators' Python tests. Exit code 1 says that tests failed, which the report tells in full. */
function runPython(python: string, library: string): Promise<PythonReport> {
  return new Promise((resolve, reject) => {
    execFile(python, [join(import.meta.dirname, "run.py"), library], (error, stdout, stderr) => {
      const report = stdout.trimEnd().split("\n").at(-1) ?? "";
      if (report.startsWith("{")) resolve(JSON.parse(report));
      else reject(new Error(`run.py ended without a report: ${error?.message}\n${stderr.slice(-2000)}`));
    });
  });
}

const build = readBuildRecord();

const needsPython = needs(
  Boolean(build?.python),
  "libtorch came without a Python",
  "set LIBTORCH_USE_PYTORCH=1",
);

test(
  "pass gradcheck, opcheck and the comparison with plain PyTorch, in Python",
  needsPython,
  async () => {
    const { passed, failures } = await runPython(build?.python as string, build?.opsLibrary as string);
    for (const { test: name, message } of failures) expect.soft(message, name).toBe("");
    expect(passed).toBeGreaterThanOrEqual(20);
  },
  1_200_000,
);

/** `|a − b|` relative to the largest `|b|`: the two sides sum in another order. */
function expectNear(actual: Tensor, wanted: Tensor, what = "tensor"): void {
  expect(actual.shape, what).toEqual(wanted.shape);
  const error = actual.sub(wanted).abs().max().item() / wanted.abs().max().item();
  expect(error, what).toBeLessThan(1e-5);
}

describe("lora_linear", () => {
  const leaf = (...shape: number[]) => randn(shape).requiresGrad_();

  test("is W x + b + B (w ∘ A x), with its gradients", () => {
    const [x, weight, bias] = [leaf(2, 5, 6), leaf(4, 6), leaf(4)] as const;
    const [loraA, loraB, importance] = [leaf(3, 6), leaf(4, 3), leaf(3)] as const;
    const inputs = [x, weight, bias, loraA, loraB, importance] as const;
    const fused = loraLinear(...inputs);
    const plain = linear(x, weight, bias).add(linear(linear(x, loraA).mul(importance), loraB));
    expectNear(fused, plain);
    const gradOutputs = [randn(plain.shape)];
    const wanted = grad([plain], inputs, { gradOutputs });
    for (const [i, gradient] of grad([fused], inputs, { gradOutputs }).entries()) {
      expectNear(gradient!, wanted[i]!, `gradient ${i}`);
    }
  });

  test("stacked is its projections side by side, in one gradient for each factor", () => {
    const [x, weight] = [leaf(7, 6), leaf(3 * 4, 6)] as const;
    const [loraA, loraB, importance] = [leaf(3, 2, 6), leaf(3, 4, 2), leaf(3, 2)] as const;
    const factors = [loraA, loraB, importance] as const;
    const fused = loraLinearStacked(x, weight, null, ...factors);
    const single = [0, 1, 2].map((p) => {
      const [a, b, w] = factors.map((factor) => factor.select(0, p)) as [Tensor, Tensor, Tensor];
      return loraLinear(x, weight.narrow(0, 4 * p, 4), null, a, b, w);
    });
    const plain = cat(single, 1);
    expectNear(fused, plain);
    const wanted = grad([plain.square().sum()], factors);
    for (const [i, gradient] of grad([fused.square().sum()], factors).entries()) {
      expectNear(gradient!, wanted[i]!, `gradient ${i}`);
    }
  });

  test("with an activation is the layer behind it, bit for bit", () => {
    const [x, weight] = [leaf(7, 6), leaf(3 * 4, 6)] as const;
    const factors = [leaf(3, 2, 6), leaf(3, 4, 2), leaf(3, 2)] as const;
    const fused = loraLinearStacked(x, weight, null, ...factors, { activation: "quick_gelu" });
    const plain = loraLinearStacked(quickGelu(x), weight, null, ...factors);
    expect(fused.toArray()).toEqual(plain.toArray());
    const inputs = [x, ...factors];
    const wanted = grad([plain.square().sum()], inputs);
    for (const [i, gradient] of grad([fused.square().sum()], inputs).entries()) {
      expect(gradient!.toArray(), `gradient ${i}`).toEqual(wanted[i]!.toArray());
    }
  });

  test("names the factor that does not fit", () => {
    expect(() => loraLinear(ones([1, 6]), ones([4, 6]), null, ones([3, 6]), ones([4, 2]), ones([3]))).toThrow(
      "codyra::lora_linear: expected lora_b.shape[1] = 3",
    );
  });
});

describe("soft_threshold_", () => {
  const values = [-3, -1, -0.5, 0, 0.25, 1, 2];

  test("moves everything towards zero by kappa, and what is nearer to zero", () => {
    const importance = tensor(values);
    softThreshold_(importance, 1).dispose();
    expect(importance.toArray()).toEqual([-2, 0, 0, 0, 0, 0, 1]);
  });

  test("as the published code writes it differs only between kappa and 2 kappa", () => {
    const importance = tensor([-3, -1.5, -0.5, 1.5, 2.5]);
    softThresholdReleased_(importance, 1);
    expect(importance.toArray()).toEqual([-2, 0, 0, 0, 1.5]);
  });

  test("refuses a negative kappa", () => {
    expect(() => softThreshold_(tensor(values), -1)).toThrow(
      "codyra::soft_threshold_: expected kappa >= 0, got -1.",
    );
  });
});

describe("adamw_soft_threshold_", () => {
  const options = { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.05 };

  test.each([0, 0.02])("is a step of AdamW, then the threshold %d", (kappa) => {
    const importance = randn([40]);
    const plain = importance.clone().requiresGrad_();
    const optimizer = new optim.AdamW([plain], { learningRate: 0.1, betas: [0.9, 0.999], weightDecay: 0.05 });
    const [first, second] = [importance.mul(0), importance.mul(0)] as const;
    for (let step = 1; step <= 5; step++) {
      const gradient = randn([40]);
      plain.grad = gradient;
      optimizer.step();
      if (kappa > 0) noGrad(() => softThreshold_(plain, kappa));
      adamwSoftThreshold_(importance, gradient, first, second, { ...options, step, kappa });
      expectNear(importance, plain.detach(), `step ${step}`);
    }
  });

  test("is no part of a graph, and says so", () => {
    const state = [ones([2]), ones([2]), ones([2])] as const;
    expect(() =>
      adamwSoftThreshold_(ones([2]).requiresGrad_(), ...state, { ...options, step: 1, kappa: 0 }),
    ).toThrow(
      "expected grad mode off, because parameters requires grad, got grad mode on. Step inside no_grad.",
    );
    expect(() => adamwSoftThreshold_(ones([3]), ...state, { ...options, step: 1, kappa: 0 })).toThrow(
      "expected grad of shape [3] (shape of parameters), got [2]. Keep one flat tensor for each.",
    );
  });
});

test("merge_ranks_ adds the ranks that are left, and returns their number", () => {
  const [weight, loraA, loraB] = [randn([4, 6]), randn([3, 6]), randn([4, 3])] as const;
  const importance = tensor([0.5, 0, -2]);
  const wanted = weight.add(mul(loraB, importance).mm(loraA));
  expect(mergeRanks_(weight, loraA, loraB, importance)).toBe(2);
  expectNear(weight, wanted);
  expect(mergeRanks_(weight, loraA, loraB, tensor([0, 0, 0]))).toBe(0);
  expectNear(weight, wanted);
});
