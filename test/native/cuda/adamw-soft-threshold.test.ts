import { beforeAll, describe, expect, it } from "vitest";
import { callOperator, manualSeed, scope, type Tensor, tensor } from "../../../lib/torch/index.js";
import { expectRounded, randomTensor } from "./compare.js";
import { compileKernel, needsEmulator, runKernel, type Scalar, scalars } from "./emulator.js";

interface Step {
  readonly step: number;
  readonly kappa: number;
  readonly released: boolean;
  readonly first: number;
}

const [lr, beta1, beta2, eps, weightDecay] = [1e-2, 0.9, 0.999, 1e-8, 0.05] as const;

/** On the CPU in float64. @returns w, m and v afterwards */
function expected(state: readonly Tensor[], { step, kappa, released, first }: Step): Tensor[] {
  const [w, g, m, v] = state.map((tensor) => tensor.clone().to({ dtype: "float64" })) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const options = { lr, beta1, beta2, eps, weight_decay: weightDecay, kappa, released, first };
  callOperator("codyra::adamw_soft_threshold_", w, g, m, v, { step, ...options });
  return [w, m, v];
}

function emulated(
  program: string,
  state: readonly Tensor[],
  { step, kappa, released, first }: Step,
  { order = 0, blocks = 2, onDevice = false } = {},
): Tensor[] {
  const [w, g, m, v] = state as [Tensor, Tensor, Tensor, Tensor];
  const schedule = onDevice ? { tensor: tensor([lr, kappa, step], { dtype: "float64" }) } : null;
  const host = onDevice ? [0, 0, 0] : [lr, kappa, step];
  return runKernel(
    program,
    [order, blocks, w.numel(), first, beta1, beta2, eps, weightDecay, released, ...host],
    [{ tensor: w }, { tensor: g }, { tensor: m }, { tensor: v }, schedule],
    [w, m, v],
  );
}

describe("adamw_soft_threshold_ on emulated CUDA", needsEmulator, () => {
  describe.each(Object.keys(scalars) as Scalar[])("in %s", (scalar) => {
    const dtype = scalars[scalar];
    let program = "";
    beforeAll(async () => {
      program = await compileKernel("adamw_soft_threshold", { SCALAR: scalar });
    });

    const state = (count: number) => {
      manualSeed(count);
      const [w, g, m] = Array.from({ length: 3 }, () => randomTensor([count], dtype)) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      return [w.mul(0.1), g, m.mul(0.1), randomTensor([count], dtype).square()];
    };

    it.each<[number, Step]>([
      [1, { step: 1, kappa: 0, released: false, first: 0 }],
      [3, { step: 2, kappa: 0.05, released: false, first: 0 }],
      [1030, { step: 1, kappa: 0.05, released: false, first: 1001 }],
      [1030, { step: 700, kappa: 0.05, released: true, first: 514 }],
      [2051, { step: 3, kappa: 0.3, released: false, first: 2051 }],
    ])("is the CPU's operator on %i elements, %j", (count, step) => {
      scope(() => {
        const before = state(count);
        const wanted = expected(before, step);
        const magnitude = wanted[0]!.abs().add(1);
        for (const order of [0, 1]) {
          for (const onDevice of [false, true]) {
            const after = emulated(program, before, step, { order, blocks: 1 + order, onDevice });
            expectRounded(after[0]!, wanted[0]!, { what: "w", magnitude });
            expectRounded(after[1]!, wanted[1]!, { what: "m", magnitude: before[1]! });
            expectRounded(after[2]!, wanted[2]!, { what: "v" });
          }
        }
      });
    });

    it("keeps NaN", () => {
      scope(() => {
        const before = state(9);
        before[1]!.select(0, 4).fill_(Number.NaN);
        const step = { step: 1, kappa: 0.05, released: false, first: 0 };
        const [w] = emulated(program, before, step);
        expectRounded(w!, expected(before, step)[0]!, { what: "w", magnitude: before[0]!.abs().add(1) });
      });
    });
  });

  it("needs its barrier: without it, threads read shared memory that nobody has written", async () => {
    const program = await compileKernel("adamw_soft_threshold", {
      SCALAR: "float",
      "__syncthreads()": "static_cast<void>(0)",
    });
    scope(() => {
      const state = Array.from({ length: 4 }, () => randomTensor([64], "float32").abs());
      const step = { step: 1, kappa: 0, released: false, first: 0 };
      const [forward] = emulated(program, state, step, { order: 0 });
      const [backward] = emulated(program, state, step, { order: 1 });
      expect(forward!.isfinite().all().item()).toBe(true);
      expect(backward!.isfinite().all().item()).toBe(false);
    });
  });
});
