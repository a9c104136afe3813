import type { DualEncoder } from "../clip/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import type { LoraModel } from "./model.js";

/** The change of one weight matrix, `ΔW = B A`. Importance weights are part of B. */
export interface LowRankUpdate {
  /** `[r, inFeatures]` */
  readonly loraA: Tensor;
  /** `[outFeatures, r]` */
  readonly loraB: Tensor;
}

/**
 * Updates by the path of their matrix, such as `vision_model.encoder.layers.0.self_attn.q_proj`. Matrices
 * that do not change are left out.
 */
export type LowRankUpdates = ReadonlyMap<string, LowRankUpdate>;

/**
 * The updates that `lora.merge()` would add: `ΔW = (B diag(w)) A` of the ranks whose importance is not zero.
 * All of w goes into B, because that is how merging multiplies too. Sharing it out evenly between A and B
 * would take roots and signs, and round twice.
 * @returns copies, on the device of the adapters
 */
export function survivingRanks(lora: LoraModel): LowRankUpdates {
  return torch.noGrad(() =>
    torch.scope(() => {
      const importances = lora.importance.toArray() as number[][]; // one copy to the host for all modules
      const factors = lora.layers.flatMap(({ targets, loraA, loraB, importance }) =>
        targets.map((_, part) => [loraA, loraB, importance].map((tensor) => tensor.select(0, part))),
      );
      const updates = lora.modules.flatMap(({ name }, module) => {
        const ranks = importances[module]!.flatMap((weight, rank) => (weight === 0 ? [] : [rank]));
        if (ranks.length === 0) return [];
        const kept = torch.tensor(ranks, { dtype: "int64", device: lora.importance.device });
        const [loraA, loraB, importance] = factors[module] as [Tensor, Tensor, Tensor];
        const update = {
          loraA: loraA.indexSelect(0, kept),
          loraB: loraB.indexSelect(1, kept).mul(importance.indexSelect(0, kept)),
        };
        return [[name, update] as const];
      });
      return new Map(updates);
    }),
  );
}

/** One update in place of several, `ΔW = Σ_t B_t A_t`: the ranks of a matrix add up. */
export function concatenateUpdates(updates: readonly LowRankUpdates[]): LowRankUpdates {
  const names = new Set(updates.flatMap((update) => Array.from(update.keys())));
  return torch.scope(() => {
    const concatenated = Array.from(names, (name) => {
      const parts = updates.flatMap((update) => update.get(name) ?? []);
      const loraA = torch.cat(parts.map((part) => part.loraA));
      const loraB = torch.cat(
        parts.map((part) => part.loraB),
        1,
      );
      return [name, { loraA, loraB }] as const;
    });
    return new Map(concatenated);
  });
}

/**
 * Adds updates to the weights of a model, in place.
 * @throws naming all updates that do not fit the model; then it is unchanged
 */
export function applyUpdates(model: DualEncoder, updates: LowRankUpdates): void {
  torch.noGrad(() =>
    torch.scope(() => {
      const weights = model.stateDict();
      const misfits = Array.from(updates).flatMap(([name, { loraA, loraB }]) => {
        const weight = weights.get(`${name}.weight`);
        const expected = weight === undefined ? "nothing of that name" : asMatrix(weight).shape.join(", ");
        const found = `${loraB.size(0)}, ${loraA.size(1)}`;
        return expected === found ? [] : [`  ${name}: [${found}], the model has [${expected}]`];
      });
      if (misfits.length > 0) {
        throw new Error(
          `${misfits.length} low-rank updates do not fit the model.\n${misfits.join("\n")}\nUse the model they were trained on.`,
        );
      }
      for (const [name, { loraA, loraB }] of updates) {
        const weight = asMatrix(weights.get(`${name}.weight`) as Tensor);
        const { device } = weight;
        const dtype = weight.dtype === "float64" ? "float64" : "float32"; // weights in 16 bits are rounded once
        const [b, a] = [loraB.to({ device, dtype }), loraA.to({ device, dtype })];
        if (weight.dtype === dtype) weight.addmm_(b, a);
        else weight.copy_(weight.to({ dtype }).addmm(b, a));
      }
    }),
  );
}

/** A weight with a row for each output: a view. */
function asMatrix(weight: Tensor): Tensor {
  return weight.dim() > 2 ? weight.view([weight.size(0), -1]) : weight;
}

/** A copy that outlives the scope. The caller releases it. */
export function copyUpdates(updates: LowRankUpdates): LowRankUpdates {
  return torch.unscoped(
    () =>
      new Map(
        Array.from(updates, ([name, { loraA, loraB }]) => [
          name,
          { loraA: loraA.clone(), loraB: loraB.clone() },
        ]),
      ),
  );
}
