import type { DualEncoder } from "../../clip/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";

/** Copies of a model's weights, for methods that average over them or stay near them. */
export class WeightSnapshot {
  /** The copies, in the order of the model's parameters. */
  readonly weights: readonly Tensor[];

  /** Copies the weights, except those of the logits, which no method changes. */
  constructor(model: DualEncoder) {
    this.weights = torch.noGrad(() => torch.unscoped(() => trainable(model).map((weight) => weight.clone())));
  }

  /** `θ ← α θ + (1 − α) θ_snapshot`, the model's weights in place. */
  interpolate(model: DualEncoder, alpha: number): void {
    inPlace(() => {
      for (const [i, weight] of trainable(model).entries()) weight.lerp_(this.#of(i), 1 - alpha);
    });
  }

  /**
   * `θ_snapshot ← θ_snapshot + share (θ − θ_snapshot)`: the model joins a running average with this share.
   */
  average(model: DualEncoder, share: number): void {
    inPlace(() => {
      for (const [i, weight] of trainable(model).entries()) this.#of(i).lerp_(weight, share);
    });
  }

  /** `θ_snapshot ← α θ_snapshot + (1 − α) θ_other` */
  pull(other: WeightSnapshot, alpha: number): void {
    inPlace(() => {
      for (const [i, weight] of this.weights.entries()) weight.lerp_(other.#of(i), 1 - alpha);
    });
  }

  /** `θ ← θ_snapshot` */
  restore(model: DualEncoder): void {
    inPlace(() => {
      for (const [i, weight] of trainable(model).entries()) weight.copy_(this.#of(i));
    });
  }

  /** `Σ (θ − θ_snapshot)²`, differentiable in θ. */
  squaredDistance(model: DualEncoder): Tensor {
    const terms = trainable(model).map((weight, i) => weight.sub(this.#of(i)).square().sum());
    return torch.stack(terms).sum();
  }

  dispose(): void {
    for (const weight of this.weights) weight.dispose();
  }

  #of(index: number): Tensor {
    return this.weights[index] as Tensor;
  }
}

function trainable(model: DualEncoder): Tensor[] {
  return model.parameters().filter((weight) => !model.logitParameters.includes(weight));
}

function inPlace(change: () => void): void {
  torch.noGrad(() => torch.scope(change));
}
