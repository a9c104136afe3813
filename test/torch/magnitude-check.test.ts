import { describe, expect, it } from "vitest";
import {
  type DType,
  MagnitudeCheck,
  randn,
  scope,
  type Tensor,
  tensor,
  zeros,
} from "../../lib/torch/index.js";

const first = (tensors: readonly Tensor[], most = 1e18) => new MagnitudeCheck(tensors, most).firstBeyond();

describe("MagnitudeCheck", () => {
  it.each<DType>(["float32", "float64", "bfloat16", "float16"])("finds NaN and infinity in %s", (dtype) => {
    scope(() => {
      for (const wrong of [Number.NaN, -Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const good = randn([1001]).to({ dtype });
        const bad = good.clone();
        bad.select(0, 1000).fill_(wrong);
        expect(first([good, good])).toBeUndefined();
        expect(first([good, bad, bad])).toBe(1);
      }
    });
  });

  it("compares with the limit, whatever the sign", () => {
    scope(() => {
      for (const dtype of ["float32", "float64", "bfloat16", "float16"] as const) {
        expect(first([tensor([2, -2], { dtype })], 2)).toBeUndefined();
        expect(first([tensor([0, -2.25], { dtype })], 2)).toBe(0);
      }
      expect(first([tensor([9e17, 2e18])])).toBe(0);
    });
  });

  it("reads all elements of views, and of nothing else", () => {
    scope(() => {
      const matrix = zeros([4, 6]);
      matrix.select(1, 5).fill_(Number.NaN);
      expect(first([matrix.t()])).toBe(0);
      expect(first([matrix.narrow(1, 0, 5)])).toBeUndefined();
      expect(first([zeros([0]), tensor(7), tensor([2n ** 62n], { dtype: "int64" })])).toBeUndefined();
      expect(first([])).toBeUndefined();
    });
  });

  it("keeps tensors that are released meanwhile, and is asked once", () => {
    const check = scope(() => new MagnitudeCheck([zeros([1 << 22])], 1));
    expect(check.firstBeyond()).toBeUndefined();
    expect(() => check.firstBeyond()).toThrow("has not ended");
  });

  it("refuses what it cannot read", () => {
    scope(() => {
      expect(() => new MagnitudeCheck([zeros([2], { device: "meta" })], 1)).toThrow("on the CPU");
      expect(() => new MagnitudeCheck([zeros([2])], Number.NaN)).toThrow("above 0");
    });
  });
});
