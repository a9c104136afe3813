import { describe, expect, it } from "vitest";
import {
  extendBasis,
  leadingDirections,
  orthonormalise,
  projectOut,
  residualFactors,
} from "../../../lib/methods/shared/subspace.js";
import * as torch from "../../../lib/torch/index.js";
import { expectClose } from "../../clip/fixtures.js";

/** The part of ‖X‖² inside the subspace: tr(Uᵀ X Xᵀ U) / tr(X Xᵀ). */
function coveredShare(basis: torch.Tensor, gram: torch.Tensor): number {
  const u = basis.double();
  return u.t().matmul(gram.double()).matmul(u).trace().div(gram.double().trace()).item();
}

const double = (values: number[][]) => torch.tensor(values, { dtype: "float64" });
const draw = (shape: number[], seed: number) =>
  torch.randn(shape, { generator: torch.generator(seed), dtype: "float64" });
const empty = (dim: number) => torch.zeros([dim, 0]);
const gramOf = (x: torch.Tensor) => x.matmul(x.t());

function expectOrthonormal(columns: torch.Tensor): void {
  expectClose(columns.t().matmul(columns), torch.eye(columns.size(1), { dtype: columns.dtype }));
}

describe("leadingDirections", () => {
  // Shares of 0.5, 0.3, 0.15 and 0.05, of the example in docs/specification.md.
  const gram = torch.diag(torch.tensor([15, 50, 5, 30], { dtype: "float64" }));

  it("takes the fewest directions with the share, or the most with less", () => {
    expect(leadingDirections(gram, 0.85, "at-least").shape).toEqual([4, 3]);
    expect(leadingDirections(gram, 0.85, "below").shape).toEqual([4, 2]);
    expect(leadingDirections(gram, 0.85, "below").abs().toArray()).toEqual([
      [0, 0],
      [1, 0],
      [0, 0],
      [0, 1],
    ]);
  });

  it("takes nothing for a share of nothing, and all for the whole", () => {
    expect(leadingDirections(gram, 0, "at-least").shape).toEqual([4, 0]);
    expect(leadingDirections(gram, 0, "below").shape).toEqual([4, 1]);
    expect(leadingDirections(gram, 1, "at-least").shape).toEqual([4, 4]);
    expect(leadingDirections(torch.zeros([4, 4]), 0.9, "at-least").shape).toEqual([4, 0]);
  });

  it("finds the left singular vectors of what the Gram matrix is of", () => {
    const x = draw([6, 9], 1);
    const [left] = torch.linalgSvd(x, false);
    const found = leadingDirections(gramOf(x), 0.7, "at-least");
    const wanted = left.narrow(1, 0, found.size(1)).float();
    expectOrthonormal(found);
    expectClose(found.matmul(found.t()), wanted.matmul(wanted.t()));
  });
});

describe("extendBasis", () => {
  it("agrees with the example of docs/specification.md, section 6", () => {
    const basis = torch.tensor([[1], [0]]);
    const gram = gramOf(double([[2, 0], [0, 1]])); // biome-ignore format: a matrix
    expect(coveredShare(basis, gram)).toBeCloseTo(4 / 5, 12);
    const extended = extendBasis(basis, gram, 0.99);
    expect(extended.abs().toArray()).toEqual([[1, 0], [0, 1]]); // biome-ignore format: a matrix
    expect(coveredShare(extended, gram)).toBeCloseTo(1, 12);
    expect(extendBasis(basis, gram, 0.8).shape).toEqual([2, 1]);
  });

  it("keeps what it has, stays orthonormal, and reaches the share with as few directions as possible", () => {
    let basis = orthonormalise(draw([12, 3], 2)).float();
    for (const [i, share] of [0.5, 0.9, 0.99].entries()) {
      const gram = gramOf(
        draw([12, 40], 10 + i).mul(torch.arange(12, { dtype: "float64" }).add(1).unsqueeze(1)),
      );
      const extended = extendBasis(basis, gram, share);
      expectOrthonormal(extended);
      expectClose(projectOut(extended, basis).float(), torch.zeros(basis.shape));
      expect(coveredShare(extended, gram)).toBeGreaterThanOrEqual(share - 1e-6);
      expect(extended.size(1)).toBeGreaterThanOrEqual(basis.size(1));
      if (extended.size(1) > basis.size(1)) {
        const fewer = extended.narrow(1, 0, extended.size(1) - 1);
        expect(coveredShare(fewer, gram)).toBeLessThan(share);
      }
      basis = extended;
    }
  });

  it("never has more directions than there are, and takes no direction of zero energy", () => {
    const x = draw([5, 2], 3); // of rank 2
    const extended = extendBasis(empty(5), gramOf(x), 1);
    expect(extended.shape).toEqual([5, 2]);
    const full = torch.eye(5);
    expect(extendBasis(full, gramOf(draw([5, 9], 4)), 1).equal(full)).toBe(true);
    expect(extendBasis(empty(5), torch.zeros([5, 5]), 0.99).shape).toEqual([5, 0]);
  });
});

describe("residualFactors", () => {
  it("agrees with the example of docs/specification.md, section 6", () => {
    const { left, right } = residualFactors(double([[3, 0], [0, 1]]), torch.tensor([[1], [0]]), 2); // biome-ignore format: a matrix
    expect(left.shape).toEqual([2, 1]); // the residual has one direction
    expect(left.abs().toArray()).toEqual([[0], [1]]);
    expectClose(left.matmul(right), torch.diag(torch.tensor([0, 1])));
  });

  it.each(["exact", "randomised"] as const)("is the best of its rank outside of the subspace, %s", (name) => {
    const how = name === "exact" ? name : { generator: torch.generator(5) };
    const [gradient, basis] = [draw([20, 14], 6), orthonormalise(draw([20, 5], 7)).float()];
    const { left, right } = residualFactors(gradient, basis, 4, how);
    expectOrthonormal(left);
    expectClose(basis.t().matmul(left), torch.zeros([5, 4]));
    const [u, s, v] = torch.linalgSvd(projectOut(basis, gradient), false);
    const best = u
      .narrow(1, 0, 4)
      .mul(s.narrow(0, 0, 4))
      .matmul(v.narrow(0, 0, 4));
    expectClose(left.matmul(right), best.float(), { atol: 2e-5 });
  });

  it("has no direction where nothing is left, and none but those of the gradient", () => {
    expect(residualFactors(draw([6, 6], 8), torch.eye(6), 3).left.shape).toEqual([6, 0]);
    expect(residualFactors(torch.zeros([6, 6]), empty(6), 3).left.shape).toEqual([6, 0]);
    const thin = draw([6, 1], 9).matmul(draw([1, 6], 10));
    expect(residualFactors(thin, empty(6), 3).left.shape).toEqual([6, 1]);
  });

  it("refuses a gradient that is not finite", () => {
    expect(() => residualFactors(double([[Number.NaN]]), empty(1), 1)).toThrow(
      "The gradient of the task is not finite: expected numbers. Take it in float32 (gradient: exact), and check the images.",
    );
  });
});
