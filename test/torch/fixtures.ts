import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { type DType, fromTypedArray, memoryStatistics, type Tensor } from "../../lib/torch/index.js";

/** A tensor as `fixtures/make.py` writes it. */
export interface SavedTensor {
  readonly dtype: DType;
  readonly shape: number[];
  readonly data: number[];
}

/** Path of a fixture that `fixtures/make.py` wrote. */
export function fixture(name: string): string {
  return join(import.meta.dirname, "fixtures", name);
}

export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(fixture(name), "utf8")) as T;
}

export function restore({ dtype, shape, data }: SavedTensor): Tensor {
  return fromTypedArray(Float64Array.from(data), shape, { dtype });
}

/** Compares with `|a − b| ≤ atol + rtol · |b|`. Float32 sums in another order differ by about 1e-6 relative. */
export function expectClose(actual: Tensor, wanted: SavedTensor, what = "tensor"): void {
  const [rtol, atol] = [1e-5, 1e-6];
  expect(actual.shape, what).toEqual(wanted.shape);
  expect(actual.dtype, what).toBe(wanted.dtype);
  const values = Array.from(actual.detach().contiguous().toTypedArray(), Number);
  for (const [i, value] of values.entries()) {
    const reference = wanted.data[i] as number;
    expect(
      Math.abs(value - reference),
      `${what}[${i}] = ${value}, PyTorch: ${reference}`,
    ).toBeLessThanOrEqual(atol + rtol * Math.abs(reference));
  }
}

/** How many more tensors are alive after `body` than before. */
export function leaked(body: () => void): { tensors: number; bytes: number } {
  const before = memoryStatistics();
  body();
  const after = memoryStatistics();
  return { tensors: after.liveTensors - before.liveTensors, bytes: after.liveBytes - before.liveBytes };
}
