import type { DualEncoder } from "../../clip/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";

/** How far a part of a model is from what it was, in Frobenius norms. */
export interface Drift {
  /** `‖θ − θ₀‖` */
  readonly distance: number;
  /** `‖θ₀‖` */
  readonly norm: number;
}

export interface ModelDrift {
  readonly vision: Drift;
  readonly text: Drift;
  readonly total: Drift;
}

/**
 * Distance between two models of one shape over all parameters but the logit scale: `‖θ − θ₀‖ = (Σ_W ‖W −
 * W₀‖_F²)^½`, and the same for each encoder with its projection.
 */
export function modelDrift(model: DualEncoder, base: DualEncoder): ModelDrift {
  const squares = { vision: { distance: 0, norm: 0 }, text: { distance: 0, norm: 0 } };
  torch.noGrad(() =>
    torch.scope(() => {
      const before = base.stateDict();
      for (const [name, weight] of model.stateDict()) {
        if (name === "logit_scale") continue;
        const start = before.get(name) as Tensor;
        const encoder = squares[/^(vision|visual)/.test(name) ? "vision" : "text"];
        torch.scope(() => {
          encoder.distance += squaredNorm(weight.sub(start));
          encoder.norm += squaredNorm(start);
        });
      }
    }),
  );
  const { vision, text } = squares;
  const total = { distance: vision.distance + text.distance, norm: vision.norm + text.norm };
  const root = ({ distance, norm }: Drift): Drift => ({
    distance: Math.sqrt(distance),
    norm: Math.sqrt(norm),
  });
  return { vision: root(vision), text: root(text), total: root(total) };
}

function squaredNorm(tensor: Tensor): number {
  return torch.linalgVectorNorm(tensor, { dtype: "float32" }).item() ** 2;
}
