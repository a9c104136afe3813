import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { arange, complex, generator, grad, ones, type Tensor, tensor, zeros } from "../../lib/torch/index.js";

const matrix = () => arange(6, { dtype: "float32" }).view([2, 3]);

describe("Tensor", () => {
  test("says what it is", () => {
    const a = matrix();
    expect(a.shape).toEqual([2, 3]);
    expect([a.dim(), a.numel(), a.size(0), a.size(-1)]).toEqual([2, 6, 2, 3]);
    expect([a.dtype, a.device]).toEqual(["float32", "cpu"]);
    expect(a.strides()).toEqual([3, 1]);
    expect(String(a)).toBe("Tensor [2, 3] float32 cpu");
    expect(inspect({ a })).toContain("Tensor [2, 3] float32 cpu");
    expect(() => a.size(2)).toThrow("Tensor [2,3] has no dimension 2; expected -2 to 1.");
    expect(() => a.size(0.5)).toThrow("has no dimension 0.5");
    expect(() => tensor(1).size(0)).toThrow("Tensor [] has no dimension 0; it has none.");
  });

  test("gives one element as number, bigint or boolean", () => {
    expect(tensor(0.5).item()).toBe(0.5);
    expect(tensor([7n]).item()).toBe(7);
    expect(tensor(2n ** 53n + 1n).item()).toBe(2n ** 53n + 1n);
    expect(tensor(true).item()).toBe(true);
    expect(complex(tensor(1), tensor(-2)).item()).toEqual({ re: 1, im: -2 });
    expect(() => matrix().item()).toThrow("item: a Tensor with 6 elements cannot be converted to Scalar");
  });

  test("reads views in their own order", () => {
    const columns = matrix().t();
    expect(columns.isContiguous()).toBe(false);
    expect(columns.toArray()).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    expect(columns.toTypedArray()).toEqual(Float32Array.of(0, 3, 1, 4, 2, 5));
    expect(matrix().select(1, 1).toArray()).toEqual([1, 4]);
    expect(tensor(3).expand([2, 2]).toArray()).toEqual([
      [3, 3],
      [3, 3],
    ]);
    expect(zeros([0, 3]).toTypedArray()).toEqual(new Float32Array(0));
  });

  test("has no typed array for complex numbers, but for their parts", () => {
    const z = complex(tensor([1, 2]), tensor([3, 4]));
    expect(z.dtype).toBe("complex64");
    expect(() => z.toArray()).toThrow("There is no typed array for complex64. Convert the tensor first");
    expect(z.viewAsReal().toArray()).toEqual([
      [1, 3],
      [2, 4],
    ]);
    expect(z.conj().imag().toArray()).toEqual([-3, -4]);
  });

  test("converts its dtype, and is an alias when nothing changes", () => {
    const a = tensor([0, 1.5, -2.5]);
    expect(a.long().toArray()).toEqual([0n, 1n, -2n]);
    expect(a.bool().toArray()).toEqual([false, true, true]);
    expect(a.double().dtype).toBe("float64");
    expect(a.to({ dtype: "float16" }).float().toArray()).toEqual([0, 1.5, -2.5]);
    const same = a.float();
    expect(same).not.toBe(a);
    expect(same.isSameStorage(a)).toBe(true);
    same.dispose();
    expect(a.toArray()).toEqual([0, 1.5, -2.5]);
  });

  test("refuses to be cloned, and says in JSON what it is", () => {
    expect(() => structuredClone({ a: matrix() })).toThrow("a Tensor, which belongs to its thread");
    expect(JSON.stringify({ a: matrix() })).toBe('{"a":"Tensor [2, 3] float32 cpu"}');
  });

  test("refuses what is no tensor in the place of one", () => {
    const a = tensor([1], { requiresGrad: true });
    const refused = "argument must be Tensor, not another kind of value. Wrap numbers with tensor(...).";
    for (const wrong of [1, "a", {}] as never[]) {
      expect(() => a.isSameStorage(wrong)).toThrow(refused);
      expect(() => a.backward({ gradient: wrong })).toThrow(refused);
      expect(() => grad([wrong], [a])).toThrow(refused);
      expect(() => {
        generator(1).state = wrong;
      }).toThrow(refused);
    }
    expect(() => grad(a as never, [a])).toThrow("gradients: expected an array of tensors.");
    expect(() => a.backward({ inputs: a as never })).toThrow("backward: expected an array of tensors.");
  });

  test("has a shape but no elements on the meta device", () => {
    const a = ones([2 ** 20, 2 ** 20], { device: "meta" });
    const product = a.t().mul(2).sum(0);
    expect([product.shape, product.device]).toEqual([[2 ** 20], "meta"]);
    expect(() => product.toArray()).toThrow("Cannot copy out of meta tensor; no data!");
    expect(tensor([1, 2]).to({ device: "meta" }).device).toBe("meta");
    for (const wrong of ["float64", 5, undefined, null]) {
      expect(() => a.to(wrong as never)).toThrow(/expected options of to, such as .* Pass an object/);
    }
    expect(() => a.to({ dtyp: "float64" } as never)).toThrow(/dtyp/);
  });
});

describe("sharedArray", () => {
  test("looks at the tensor's own memory, any number of times", () => {
    const a = tensor([1, 2, 3]);
    const [first, second] = [a.sharedArray(), a.sharedArray()];
    a.add_(1);
    expect(first).toEqual(Float32Array.of(2, 3, 4));
    first[0] = 9;
    expect(second[0]).toBe(9);
    expect(a.toArray()).toEqual([9, 3, 4]);
  });

  test("outlives the tensor", () => {
    const a = ones([1 << 16]);
    const shared = a.sharedArray();
    a.dispose();
    ones([1 << 16])
      .mul_(7)
      .dispose(); // would reuse the memory, had it been freed
    expect(shared.every((value) => value === 1)).toBe(true);
  });

  test("begins where a view begins", () => {
    expect(matrix().select(0, 1).sharedArray()).toEqual(Float32Array.of(3, 4, 5));
    expect(zeros([0]).sharedArray()).toEqual(new Float32Array(0));
  });

  test.each<[string, () => Tensor]>([
    ["a transposed tensor", () => matrix().t()],
    ["a tensor on another device", () => ones([2], { device: "meta" })],
  ])("refuses %s", (_, make) => {
    expect(() => make().sharedArray()).toThrow(
      "Shared memory needs a contiguous tensor on the CPU. Use toTypedArray(), which copies.",
    );
  });
});
