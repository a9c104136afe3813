import { beforeAll, describe, expect, it } from "vitest";
import { callOperator, empty, manualSeed, scope, type Tensor } from "../../../lib/torch/index.js";
import { expectRounded, randomTensor } from "./compare.js";
import { compileKernel, needsEmulator, runKernel, type Scalar, scalars } from "./emulator.js";

describe("quick_gelu on emulated CUDA", needsEmulator, () => {
  describe.each(Object.keys(scalars) as Scalar[])("in %s", (scalar) => {
    const dtype = scalars[scalar];
    let program = "";
    beforeAll(async () => {
      program = await compileKernel("quick_gelu", { SCALAR: scalar });
    });

    const run = (
      x: Tensor,
      grad: Tensor | null,
      { order = 0, blocks = 2, offset = 0, count = x.numel() } = {},
    ) =>
      runKernel(
        program,
        [order, blocks, count],
        [{ tensor: x, offset }, grad && { tensor: grad }, { tensor: empty([x.numel()], { dtype }) }],
        [x],
      )[0] as Tensor;

    // Fewer elements than a pack, whole packs, more than all threads take in one round, and a rest.
    it.each([1, 3, 4, 64, 2050])("is the CPU's operator on %i elements", (count) => {
      scope(() => {
        manualSeed(count);
        const x = randomTensor([count], dtype).mul(8);
        const grad = randomTensor([count], dtype);
        const [exactX, exactGrad] = [x, grad].map((tensor) => tensor.to({ dtype: "float64" })) as [
          Tensor,
          Tensor,
        ];
        const forward = callOperator("codyra::quick_gelu", exactX) as Tensor;
        const backward = callOperator("codyra::quick_gelu_backward", exactGrad, exactX) as Tensor;
        for (const order of [0, 1]) {
          expectRounded(run(x, null, { order }), forward, { what: "forward", magnitude: exactX });
          expectRounded(run(x, grad, { order, blocks: 1 }), backward, {
            what: "backward",
            magnitude: exactGrad.mul(8),
          });
        }
      });
    });

    it("reads arrays that do not begin where a pack may", () => {
      scope(() => {
        manualSeed(1);
        const x = randomTensor([70], dtype);
        const itemBytes = x.toTypedArray().BYTES_PER_ELEMENT;
        expect(run(x, null, { offset: itemBytes }).toArray()).toEqual(run(x, null).toArray());
      });
    });

    it("touches nothing beyond its arrays, which would be noticed", () => {
      scope(() => {
        const x = randomTensor([21], dtype);
        expect(() => run(x, null)).not.toThrow();
        expect(() => run(x, null, { count: 22 })).toThrow("heap-buffer-overflow");
      });
    });
  });
});
