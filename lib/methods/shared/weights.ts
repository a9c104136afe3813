import type { ClipModel } from "../../clip/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";

/** Copies of a model's weights, for methods that average over them or stay near them. */
export class WeightSnapshot {
  readonly #weights: readonly Tensor[];

  /** Copies the weights, except the logit scale, which no method changes. */
  constructor(model: ClipModel) {
    this.#weights = torch.noGrad(() =>
      torch.unscoped(() => trainable(model).map((weight) => weight.clone())),
    );
  }

  /** `θ ← α θ + (1 − α) θ_snapshot`, the model's weights in place. */
  interpolate(model: ClipModel, alpha: number): void {
    inPlace(() => {
      for (const [i, weight] of trainable(model).entries()) weight.lerp_(this.#of(i), 1 - alpha);
    });
  }

  /**
   * `θ_snapshot ← θ_snapshot + share (θ − θ_snapshot)`: the model joins a running average with this share.
   */
  average(model: ClipModel, share: number): void {
    inPlace(() => {
      for (const [i, weight] of trainable(model).entries()) this.#of(i).lerp_(weight, share);
    });
  }

  /** `θ_snapshot ← α θ_snapshot + (1 − α) θ_other` */
  pull(other: WeightSnapshot, alpha: number): void {
    inPlace(() => {
      for (const [i, weight] of this.#weights.entries()) weight.lerp_(other.#of(i), 1 - alpha);
    });
  }

  /** `θ ← θ_snapshot` */
  restore(model: ClipModel): void {
    inPlace(() => {
      for (const [i, weight] of trainable(model).entries()) weight.copy_(this.#of(i));
    });
  }

  /** `Σ (θ − θ_snapshot)²`, differentiable in θ. */
  squaredDistance(model: ClipModel): Tensor {
    const terms = trainable(model).map((weight, i) => weight.sub(this.#of(i)).square().sum());
    return torch.stack(terms).sum();
  }

  dispose(): void {
    for (const weight of this.#weights) weight.dispose();
  }

  #of(index: number): Tensor {
    return this.#weights[index] as Tensor;
  }
}

function trainable(model: ClipModel): Tensor[] {
  return model.parameters().filter((weight) => weight !== model.logitScale);
}

function inPlace(change: () => void): void {
  torch.noGrad(() => torch.scope(change));
}
