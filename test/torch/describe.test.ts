import { inspect } from "node:util";
import { expect, test } from "vitest";
import { arange, complex, eye, ones, scope, type Tensor, tensor, zeros } from "../../lib/torch/index.js";
import { leaked } from "./fixtures.js";

test.each<[string, Tensor, string]>([
  ["a scalar", tensor(2.5), "Tensor [] float32 cpu\n2.5"],
  ["a row", tensor([1, -0, 1 / 3]), "Tensor [3] float32 cpu\n[      1,      -0, 0.33333]"],
  ["a matrix", eye(2), "Tensor [2, 2] float32 cpu\n[[1, 0],\n [0, 1]]"],
  ["booleans", tensor([true, false]), "Tensor [2] bool cpu\n[ true, false]"],
  ["bigints", tensor([2n ** 60n]), "Tensor [1] int64 cpu\n[1152921504606846976]"],
  ["halves", tensor([1.5], { dtype: "bfloat16" }), "Tensor [1] bfloat16 cpu\n[1.5]"],
  ["no element", zeros([2 ** 30, 0]), "Tensor [1073741824, 0] float32 cpu\n[]"],
  ["matrices", ones([2, 1, 2]), "Tensor [2, 1, 2] float32 cpu\n[[[1, 1]],\n\n [[1, 1]]]"],
  ["a leaf", tensor([1], { requiresGrad: true }), "Tensor [1] float32 cpu\n[1]"],
  ["shapes without memory", ones([2], { device: "meta" }), "Tensor [2] float32 meta"],
  ["complex numbers", complex(ones([1]), ones([1])), "Tensor [1] complex64 cpu"],
])("the console shows %s", (_, shown, text) => {
  expect(inspect(shown)).toBe(text);
});

test("of large tensors, it shows the edges", () => {
  expect(inspect(arange(3000).view([2, 1500]))).toBe(
    "Tensor [2, 1500] int64 cpu\n[[   0,    1,    2, …, 1497, 1498, 1499],\n [1500, 1501, 1502, …, 2997, 2998, 2999]]",
  );
});

test("long rows go on in the next line", () => {
  const lines = inspect(zeros([100])).split("\n");
  expect(lines).toHaveLength(5);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(102);
});

test("nothing stays of it, and a released tensor says so", () => {
  const big = ones([100, 100]);
  expect(leaked(() => inspect(big))).toEqual({ tensors: 0, bytes: 0 });
  expect(inspect(scope(() => [zeros([1])].map((made) => ({ made }))))).toContain("[0]");
  big.dispose();
  expect(inspect(big)).toBe("Tensor (released)");
});
