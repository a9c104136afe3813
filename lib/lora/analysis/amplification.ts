/** Sizes of the update of one weight matrix, measured against the weight as it was before. */
export interface UpdateSize {
  /** `‖ΔW‖_F` */
  readonly deltaNorm: number;
  /** `‖W‖_F` */
  readonly weightNorm: number;
  /**
   * `‖U_ρᵀ W V_ρ‖_F` for ρ = 1, 2, … up to the rank of ΔW, with its first ρ singular vectors; empty where ΔW
   * = 0.
   */
  readonly projectedNorms: readonly number[];
}

/**
 * How much an update strengthens directions that are weak in the weight: `Amp = ‖ΔW‖_F / ‖U_ρᵀ W V_ρ‖_F`.
 * arXiv:2412.01004, eq. 8.
 * @param rho ρ, at most the rank of ΔW. Default: its rank, which is r for LoRA and the number of surviving
 * ranks for CoDyRA
 * @returns 0 where ΔW = 0
 */
export function amplification(size: Pick<UpdateSize, "deltaNorm" | "projectedNorms">, rho?: number): number {
  const { deltaNorm, projectedNorms } = size;
  const rank = Math.min(rho ?? projectedNorms.length, projectedNorms.length);
  return rank === 0 ? 0 : deltaNorm / (projectedNorms[rank - 1] as number);
}
