import { expect } from "vitest";
import { cuda, type DType, generator, randn, type Tensor } from "../../lib/torch/index.js";

export const hasGpu = cuda.isAvailable();

/** Normal random numbers that are the same on every device. */
export function normal(shape: readonly number[], seed: number, dtype: DType = "float32"): Tensor {
  return randn(shape, { generator: generator(seed) }).to({ dtype });
}

/**
 * Compares with `|a − b| ≤ tolerance · (1 + |b|)`: 1e-5 in float32, where sums are in another order, and 2e-2
 * in bfloat16, which has eight digits in base two.
 */
export function expectNear(actual: Tensor, wanted: Tensor, what = "tensor"): void {
  expect(actual.shape, what).toEqual(wanted.shape);
  expect(actual.dtype, what).toBe(wanted.dtype);
  const tolerance = wanted.dtype === "float32" ? 1e-5 : 2e-2;
  const [a, b] = [actual, wanted].map((tensor) => tensor.to({ device: "cpu", dtype: "float64" })) as [
    Tensor,
    Tensor,
  ];
  const excess = a.sub(b).abs().sub(b.abs().add(1).mul(tolerance)).max().item();
  expect(excess, `${what}: largest difference ${a.sub(b).abs().max().item()}`).toBeLessThanOrEqual(0);
}
