import type { DualEncoder } from "../../clip/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import type { LowRankUpdate, LowRankUpdates } from "../low-rank-update.js";
import type { LoraModel, LoraModule } from "../model.js";
import type { UpdateSize } from "./amplification.js";

/** The change of one adapted matrix by a task. */
export interface ModuleUpdate extends LoraModule, UpdateSize {
  /** Importance weights w after training, of all ranks; absent where only the surviving ones are known. */
  readonly importance?: readonly number[];
}

/**
 * Measures updates against the weights of the model that they have not been added to yet.
 * @param modules the adapted matrices, also those that do not change
 */
export function measureUpdates(
  model: DualEncoder,
  updates: LowRankUpdates,
  modules: readonly LoraModule[],
): ModuleUpdate[] {
  return torch.noGrad(() =>
    torch.scope(() => {
      const weights = model.stateDict();
      return modules.map((module) => {
        const weight = weights.get(`${module.name}.weight`) as Tensor;
        return { ...module, ...updateSize(weight, updates.get(module.name)) };
      });
    }),
  );
}

/** The same for adapters that are not merged yet, with their importance weights. */
export function measureAdapters(
  model: DualEncoder,
  lora: LoraModel,
  updates: LowRankUpdates,
): ModuleUpdate[] {
  const importance = lora.importance.toArray() as number[][];
  return measureUpdates(model, updates, lora.modules).map((module, i) => ({
    ...module,
    importance: importance[i] as number[],
  }));
}

/**
 * The sizes that `amplification` needs. `ΔW = B A` is never formed: with `B = Q_B R_B` and `Aᵀ = Q_A R_A`,
 * its singular vectors are those of the small core `R_B R_Aᵀ`, rotated by `Q_B` and `Q_A`.
 * @param weight W, `[d, k]`   @param update factors of rank r; none stands for ΔW = 0
 * @throws if the update is not finite
 */
export function updateSize(weight: Tensor, update?: LowRankUpdate): UpdateSize {
  return torch.scope(() => {
    const weightNorm = torch.linalgVectorNorm(weight, { dtype: "float32" }).item();
    if (update === undefined) return { deltaNorm: 0, weightNorm, projectedNorms: [] };
    const [basisB, factorB] = torch.linalgQr(update.loraB); // [d, r], [r, r]
    const [basisA, factorA] = torch.linalgQr(update.loraA.t()); // [k, r], [r, r]
    const [left, singular, right] = torch.linalgSvd(factorB.matmul(factorA.t()), false);
    const u = basisB.matmul(left); // [d, r]
    const v = basisA.matmul(right.t()); // [k, r]
    const { device, dtype } = u;
    const projected = u.t().matmul(weight.to({ device, dtype })).matmul(v); // [r, r]
    // The block of the first ρ rows and columns belongs to the first ρ singular vectors.
    const blocks = projected.square().cumsum(0).cumsum(1).diagonal().sqrt();
    return {
      deltaNorm: torch.linalgVectorNorm(singular).item(),
      weightNorm,
      projectedNorms: blocks.toArray() as number[],
    };
  });
}
