import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { safetensors, type Tensor } from "../../lib/torch/index.js";

/** Path of a fixture that `fixtures/make.py` wrote. */
export function fixture(...names: string[]): string {
  return join(import.meta.dirname, "fixtures", ...names);
}

/** Values that `transformers` computed for a fixture. */
export function expected(name: string): (key: string) => Tensor {
  const { tensors } = safetensors.load(fixture(name, "expected.safetensors"));
  return (key) => {
    const found = tensors.get(key);
    if (found === undefined) throw new Error(`${name}/expected.safetensors has no '${key}'.`);
    return found;
  };
}

/**
 * Compares with `|a − b| ≤ atol + rtol · |b|`. Sums in another order differ by about 1e-6 relative in
 * float32.
 */
export function expectClose(
  actual: Tensor,
  wanted: Tensor,
  { rtol = 1e-5, atol = 1e-5, what = "tensor" } = {},
): void {
  expect(actual.shape, what).toEqual(wanted.shape);
  const difference = actual.sub(wanted).abs();
  const excess = difference.sub(wanted.abs().mul(rtol)).max().item();
  expect(excess, `${what}: largest difference ${difference.max().item()}`).toBeLessThanOrEqual(atol);
}

/** An empty directory that is removed after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "codyra-clip-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
