import type { Generator, Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";

/*
 * Subspaces of what a layer reads, as orthonormal columns U `[d, k]`. The Gram matrix X Xᵀ alone stands for a
 * matrix of inputs X `[d, n]`. Its eigenvectors are the left singular vectors of X, and its eigenvalues the
 * squares of the singular values. Everything is computed in float64.
 */

/**
 * How many directions hold a share: the fewest with at least that much; or the most with less, and at least
 * one.
 */
export type ShareRule = "at-least" | "below";

/**
 * An eigenvalue below this part of the whole energy is rounding: its direction may lie in the subspace
 * already.
 */
const roundingShare = 1e-12;

/** The leading eigenvectors of a Gram matrix that hold a share of its trace. @returns `[d, p]`, float32 */
export function leadingDirections(gram: Tensor, share: number, rule: ShareRule): Tensor {
  return torch.noGrad(() =>
    torch.scope(() => {
      const { values, vectors } = spectrum(gram);
      const total = values.sum();
      const below = countBelow(values.cumsum(0).div(total), share);
      const isNothing = total.item() === 0 || (rule === "at-least" && share === 0);
      const atLeast = Math.min(below + 1, gram.size(0));
      const count = isNothing ? 0 : rule === "at-least" ? atLeast : Math.max(below, 1);
      return vectors.narrow(1, 0, count).float();
    }),
  );
}

/**
 * Appends the leading left singular vectors of `X̂ = X − U Uᵀ X` until the subspace holds a share of ‖X‖²,
 * and makes all columns orthonormal again.
 * @param basis U, `[d, k]`   @param gram `X Xᵀ`, `[d, d]`
 * @returns `[d, k' ≥ k]`, float32: a copy of U where it holds enough already
 */
export function extendBasis(basis: Tensor, gram: Tensor, share: number): Tensor {
  return torch.noGrad(() =>
    torch.scope(() => {
      const [dim, known] = basis.shape as [number, number];
      const residual = residualGram(basis, gram);
      const total = gram.double().trace().item();
      const covered = (total - residual.trace().item()) / total;
      if (!(covered < share) || known === dim) return basis.clone(); // also where there is no energy at all
      const { values, vectors } = spectrum(residual);
      const wanted = countBelow(values.cumsum(0).div(total).add(covered), share) + 1;
      const real = Number(
        values
          .gt(roundingShare * total)
          .sum()
          .item(),
      );
      const added = vectors.narrow(1, 0, Math.min(wanted, dim - known, real));
      return orthonormalise(torch.cat([basis.double(), added], 1)).float();
    }),
  );
}

/** `M − U Uᵀ M`, float64. @param basis `[d, k]`   @param matrix `[d, n]` */
export function projectOut(basis: Tensor, matrix: Tensor): Tensor {
  return torch.scope(() => {
    const [u, m] = [basis.double(), matrix.double()];
    return m.sub(u.matmul(u.t().matmul(m)));
  });
}

/**
 * Orthonormal columns of the same span, by a QR decomposition.
 * @param columns `[d, k]`
 * @returns the same, float64
 */
export function orthonormalise(columns: Tensor): Tensor {
  return torch.scope(() => torch.linalgQr(columns.double())[0]);
}

/** A matrix of rank r or less, `left · right`: the left columns are orthonormal. */
export interface Factors {
  /** `[d, r]`, float32 */
  readonly left: Tensor;
  /** `[r, n]`, float32 */
  readonly right: Tensor;
}

/** How a gradient is decomposed: exactly, or by random probes as in `torch.svd_lowrank`. */
export type Decomposition = "exact" | { readonly generator: Generator };

/** Directions with a singular value below this part of the gradient's largest one are no directions of it. */
const zeroGradient = 1e-6;
const probes = 64;
const powerIterations = 4;

/**
 * The best approximation of rank r to a gradient's part outside of a subspace. With `Ĝ = G − U Uᵀ G = P Σ
 * Qᵀ`, it has the factors `P_r` and `Σ_r Q_rᵀ`, up to a sign of each column. There are fewer columns where Ĝ
 * has a lower rank than r, and none where it vanishes.
 * @param gradient G, `[d, n]`   @param basis U, `[d, k]`
 * @throws if the gradient is not finite
 */
export function residualFactors(
  gradient: Tensor,
  basis: Tensor,
  rank: number,
  how: Decomposition = "exact",
): Factors {
  return torch.noGrad(() =>
    torch.scope(() => {
      const residual = projectOut(basis, gradient);
      if (!torch.isfinite(residual).all().item<boolean>()) {
        throw new Error(
          "The gradient of the task is not finite: expected numbers. Take it in float32 (gradient: exact), and check the images.",
        );
      }
      const { squares, vectors } =
        how === "exact" ? exactLeft(residual) : randomLeft(residual, how.generator);
      const largest = torch.linalgEigvalsh(gramOf(gradient)).clamp(0).max().item(); // σ₁(G)²
      const real = Number(
        squares
          .gt(zeroGradient ** 2 * largest)
          .sum()
          .item(),
      );
      // Singular vectors of small values have a trace of the subspace in them, by rounding.
      const left = orthonormalise(projectOut(basis, vectors.narrow(1, 0, Math.min(rank, real))));
      return { left: left.float(), right: left.t().matmul(residual).float() };
    }),
  );
}

function exactLeft(residual: Tensor): { squares: Tensor; vectors: Tensor } {
  const { values, vectors } = spectrum(gramOf(residual));
  return { squares: values, vectors };
}

/**
 * Finding Structure with Randomness, arXiv:0909.4061, algorithms 4.4 and 5.1, in the form of
 * `torch.svd_lowrank`.
 */
function randomLeft(residual: Tensor, generator: Generator): { squares: Tensor; vectors: Tensor } {
  const [rows, columns] = residual.shape as [number, number];
  const count = Math.min(probes, rows, columns);
  const drawn = torch
    .randn([columns, count], { generator, dtype: "float64" })
    .to({ device: residual.device });
  let range = orthonormalise(residual.matmul(drawn));
  for (let i = 0; i < powerIterations; i++) {
    range = orthonormalise(residual.matmul(orthonormalise(residual.t().matmul(range))));
  }
  const { values, vectors } = spectrum(gramOf(range.t().matmul(residual)));
  return { squares: values, vectors: range.matmul(vectors) };
}

/** `(I − U Uᵀ) X Xᵀ (I − U Uᵀ)`, float64. */
function residualGram(basis: Tensor, gram: Tensor): Tensor {
  return projectOut(basis, projectOut(basis, gram).t());
}

/** `M Mᵀ`, float64. */
function gramOf(matrix: Tensor): Tensor {
  const wide = matrix.double();
  return wide.matmul(wide.t());
}

/** Eigenvalues, largest first, and their eigenvectors; what rounding made negative is zero. */
function spectrum(gram: Tensor): { values: Tensor; vectors: Tensor } {
  const symmetric = gram.double().add(gram.double().t()).div(2);
  const [values, vectors] = torch.linalgEigh(symmetric);
  return { values: values.flip([0]).clamp(0), vectors: vectors.flip([1]) };
}

function countBelow(rising: Tensor, share: number): number {
  return Number(rising.lt(share).sum().item());
}
