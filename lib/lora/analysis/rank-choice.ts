import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import type { LowRankUpdates } from "../low-rank-update.js";

/**
 * A factor for each rank of each matrix, by the name of the matrix: 0 leaves a rank out, 1 leaves it as it
 * is.
 */
export type RankScales = ReadonlyMap<string, readonly number[]>;

/**
 * Updates whose ranks are scaled, `ΔW = Σ_i s_i B_i A_i`.
 * @throws if a matrix has no scales, or another number of them
 */
export function scaleRanks(updates: LowRankUpdates, scales: RankScales): LowRankUpdates {
  return torch.noGrad(() =>
    torch.scope(() => {
      const scaled = Array.from(updates, ([name, { loraA, loraB }]) => {
        const factors = scales.get(name);
        const rank = loraA.size(0);
        if (factors?.length !== rank) {
          throw new RangeError(
            `scaleRanks: expected ${rank} scales for ${name}, got ${factors?.length ?? "none"}. Give one for each of its ranks.`,
          );
        }
        const row = torch.tensor([...factors], { dtype: loraB.dtype, device: loraB.device });
        return [name, { loraA: loraA.clone(), loraB: loraB.mul(row) }] as const;
      });
      return new Map(scaled);
    }),
  );
}

/** The same factor for every rank. */
export function evenScales(updates: LowRankUpdates, factor: number): RankScales {
  return new Map(Array.from(updates, ([name, { loraA }]) => [name, Array(loraA.size(0)).fill(factor)]));
}

/**
 * Keeps the share of the ranks of all matrices together that scores highest; among equal ones those that come
 * first.
 * @param scores one for each rank, by matrix   @param share part of the ranks, rounded to a whole number
 */
export function keepHighest(scores: RankScales, share: number): RankScales {
  const all = Array.from(scores, ([name, values]) => values.map((score, rank) => ({ name, rank, score })));
  const ranks = all.flat().toSorted((a, b) => b.score - a.score);
  const kept = new Map(Array.from(scores, ([name, values]) => [name, values.map(() => 0)]));
  for (const { name, rank } of ranks.slice(0, Math.round(share * ranks.length))) {
    (kept.get(name) as number[])[rank] = 1;
  }
  return kept;
}

/**
 * The Wiener filter of each matrix in the space of its ranks: `s = (Q + λH)⁻¹ Q 1`, the minimum of `(s − 1)ᵀ
 * Q (s − 1) + λ sᵀ H s`. It gives up as much of the benefit Q as it saves in harm H.
 * @param benefit Q, and `harm` H, `[r, r]` by the name of the matrix, as `rankGrams` gives them
 * @param lambda λ; 0 keeps everything
 */
export function wienerScales(
  benefit: ReadonlyMap<string, Tensor>,
  harm: ReadonlyMap<string, Tensor>,
  lambda: number,
): RankScales {
  const scales = Array.from(benefit, ([name, q]): [string, number[]] => [
    name,
    torch.scope(() => {
      const system = q.add(harm.get(name) as Tensor, { alpha: lambda });
      return torch.linalgSolve(system, q.sum([1])).toArray() as number[];
    }),
  ]);
  return new Map(scales);
}

/** Diagonals of `[r, r]`, by matrix: what each rank does alone. */
export function ofEachRank(grams: ReadonlyMap<string, Tensor>): RankScales {
  return torch.scope(
    () => new Map(Array.from(grams, ([name, gram]) => [name, gram.diagonal().toArray() as number[]])),
  );
}

/** `(Σ ‖ΔW‖_F²)^½` over all matrices. */
export function updateNorm(updates: LowRankUpdates): number {
  const squares = torch.scope(() =>
    Array.from(updates.values(), ({ loraA, loraB }) => {
      const [a, b] = [loraA, loraB].map((factor) => factor.to({ dtype: "float64" })) as [Tensor, Tensor];
      return b.t().matmul(b).mul(a.matmul(a.t())).sum().item(); // tr(Aᵀ Bᵀ B A)
    }),
  );
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
}
