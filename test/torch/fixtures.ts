import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
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

/**
 * Compares with `|a − b| ≤ atol + rtol · |b|`. Float32 sums in another order differ by about 1e-6 relative.
 */
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

/** Copies of a file with up to five bytes changed, and some cut short; the same ones in every run. */
export function* mutations(original: Uint8Array, count: number): Generator<Uint8Array> {
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let i = 0; i < count; i++) {
    const mutated = Uint8Array.from(original);
    for (let change = random(5); change >= 0; change--) mutated[random(mutated.length)] = random(256);
    yield random(4) > 0 ? mutated : mutated.subarray(0, random(mutated.length));
  }
}

/**
 * Reads mutated files. Each must be read, or refused with an error that names the source.
 * @returns how many of each
 */
export function tryAll(files: Iterable<Uint8Array>, read: (file: Uint8Array) => void, source: string) {
  const outcomes = { read: 0, refused: 0 };
  for (const file of files) {
    try {
      read(file);
      outcomes.read++;
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
      expect((error as Error).message).toContain(source);
      outcomes.refused++;
    }
  }
  return outcomes;
}

/**
 * Ends when the finalizers of what earlier tests dropped have run, so that they do not run while memory is
 * compared.
 */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let turn = 0; turn < 3; turn++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
