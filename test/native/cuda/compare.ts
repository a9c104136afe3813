import { expect } from "vitest";
import { type DType, randn, scope, type Tensor } from "../../../lib/torch/index.js";

/** The distance of 1 to the next number, and the smallest number that is not zero. */
const precision: Partial<Record<DType, { readonly epsilon: number; readonly smallest: number }>> = {
  float64: { epsilon: 2 ** -52, smallest: 2 ** -1074 },
  float32: { epsilon: 2 ** -23, smallest: 2 ** -149 },
  bfloat16: { epsilon: 2 ** -7, smallest: 2 ** -133 },
  float16: { epsilon: 2 ** -10, smallest: 2 ** -24 },
};

/** Random numbers that `dtype` holds exactly. */
export function randomTensor(shape: readonly number[], dtype: DType): Tensor {
  return scope(() => randn(shape, { dtype: "float64" }).to({ dtype }));
}

/**
 * Expects a kernel's result to be the reference, rounded to its dtype, with the errors of some operations in
 * float32 (in float64 for float64).
 * @param reference the same from float64, of inputs that the kernel's types hold exactly
 * @param magnitude size of the terms that were summed, if larger than the reference
 */
export function expectRounded(
  actual: Tensor,
  reference: Tensor,
  { what, magnitude = reference }: { what: string; magnitude?: Tensor },
): void {
  scope(() => {
    const { epsilon, smallest } = precision[actual.dtype]!;
    const operations = 16 * precision[actual.dtype === "float64" ? "float64" : "float32"]!.epsilon;
    const values = actual.to({ dtype: "float64" });
    expect(values.isnan().toArray(), `${what}: NaN`).toEqual(reference.isnan().toArray());
    const bound = reference.abs().mul(epsilon).add(magnitude.abs().mul(operations)).add(smallest);
    // NaN where both are, and where both are the same infinity.
    const excess = values.sub(reference).abs().sub(bound).nanToNum({ nan: 0 });
    expect(excess.gt(0).sum().item(), `${what}: elements beyond rounding`).toBe(0);
  });
}
