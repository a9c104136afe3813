import { AsyncResource } from "node:async_hooks";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";

/**
 * Scores each image with the expert that it is assigned to; images of one expert go through it together.
 * @param assigned the expert of each image, `[B]`
 * @param scoresOf `[n, classes]` for `[n, 3, S, S]`
 * @returns `[B, classes]`
 */
export function routedScores<Expert>(
  pixels: Tensor,
  assigned: readonly Expert[],
  scoresOf: (expert: Expert, pixels: Tensor) => Tensor,
): Tensor {
  return torch.scope(() => {
    const experts = new Set(assigned);
    if (experts.size === 1) return scoresOf(assigned[0] as Expert, pixels);
    const rows = Array.from(experts, (expert) =>
      assigned.flatMap((other, row) => (other === expert ? [row] : [])),
    );
    const parts = Array.from(experts, (expert, i) => {
      const index = torch.tensor(rows[i] as number[], { dtype: "int64", device: pixels.device });
      return scoresOf(expert, pixels.indexSelect(0, index));
    });
    const order = torch.tensor(rows.flat(), { dtype: "int64", device: pixels.device });
    return torch.cat(parts).indexSelect(0, order.argsort());
  });
}

/**
 * Values of each expert, made when they are first asked for. Its tensors belong to the scope of this call,
 * such as an evaluation's, not to that of the batch which asks first.
 */
export function perExpert<Expert, Made>(make: (expert: Expert) => Made): (expert: Expert) => Made {
  const made = new Map<Expert, Made>();
  const makeHere = AsyncResource.bind(make);
  return (expert) => {
    if (!made.has(expert)) made.set(expert, makeHere(expert));
    return made.get(expert) as Made;
  };
}
