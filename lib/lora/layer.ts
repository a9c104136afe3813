import type { AdaptableLayer } from "../clip/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import type { LoraTarget } from "./config.js";

/**
 * The adapter of one linear layer: `y = x (W + B diag(w) A)ᵀ + b`, arXiv:2412.01004, eq. 1 and 2. A stacked
 * layer (q, k, v) has one `A`, `B` and `w` per adapted part, and all parts are one matrix product.
 */
export class LoraLayer implements torch.nn.LinearAdapter {
  /** W + B diag(w) A, where it is formed for all layers at once: `LoraModel.formEffectiveWeights`. */
  effectiveWeight: Tensor | undefined;

  constructor(
    readonly place: AdaptableLayer,
    readonly targets: readonly LoraTarget[],
    /** `[parts, rank, inFeatures]` */
    readonly loraA: Tensor,
    /** `[parts, outFeatures, rank]` */
    readonly loraB: Tensor,
    /** `[parts, rank]` */
    readonly importance: Tensor,
  ) {}

  /** Whether all parts of the layer are adapted, such as q, k and v. */
  get isWhole(): boolean {
    return this.targets.length === this.place.targets.length;
  }

  forward(x: Tensor, weight: Tensor, bias: Tensor | undefined): Tensor {
    if (weight.dtype !== this.loraA.dtype) return torch.linear(x, this.roundedWeight(weight), bias ?? null);
    return this.isWhole ? this.#forwardWhole(x, weight, bias) : this.#forwardSomeParts(x, weight, bias);
  }

  /** Keeps `x` only, and computes its activation again in the backward pass. */
  forwardActivated(
    x: Tensor,
    activation: torch.nn.Activation,
    weight: Tensor,
    bias: Tensor | undefined,
  ): Tensor {
    return weight.dtype === this.loraA.dtype && this.isWhole
      ? this.#forwardWhole(x, weight, bias, activation)
      : this.forward(torch.nn.activate(x, activation), weight, bias);
  }

  /**
   * W + B diag(w) A for weights in 16 bits beside factors in float32. The sum is in float32, so that small
   * updates count, then rounded as W is.
   * @param weight the layer's W, or as much of it as there is
   */
  roundedWeight(weight: Tensor): Tensor {
    const updates = this.loraB.mul(this.importance.unsqueeze(1)).bmm(this.loraA); // [parts, outFeatures, inFeatures]
    const parts = this.place.targets.map((target) => {
      const part = this.#partOf(weight, target);
      const i = this.targets.indexOf(target);
      return i < 0
        ? part
        : part.to({ dtype: updates.dtype }).add(updates.select(0, i)).to({ dtype: weight.dtype });
    });
    return parts.length === 1 ? (parts[0] as Tensor) : torch.cat(parts);
  }

  /** Each adapted part of the layer, as stacked factors of one projection: views. */
  parts(): { weight: Tensor; loraA: Tensor; loraB: Tensor; importance: Tensor }[] {
    return this.targets.map((target, i) => ({
      weight: this.#partOf(this.place.linear.weight, target),
      loraA: this.loraA.narrow(0, i, 1),
      loraB: this.loraB.narrow(0, i, 1),
      importance: this.importance.narrow(0, i, 1),
    }));
  }

  #forwardWhole(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | undefined,
    activation?: torch.nn.Activation,
  ): Tensor {
    const { loraA, loraB, importance, effectiveWeight: effective } = this;
    const options = { effective, activation };
    return torch.loraLinearStacked(x, weight, bias ?? null, loraA, loraB, importance, options);
  }

  #forwardSomeParts(x: Tensor, weight: Tensor, bias: Tensor | undefined): Tensor {
    const parts = this.place.targets.map((target) => {
      const partWeight = this.#partOf(weight, target);
      const partBias = bias === undefined ? null : this.#partOf(bias, target);
      const i = this.targets.indexOf(target);
      return i < 0
        ? torch.linear(x, partWeight, partBias)
        : torch.loraLinear(
            x,
            partWeight,
            partBias,
            this.loraA.select(0, i),
            this.loraB.select(0, i),
            this.importance.select(0, i),
          );
    });
    return torch.cat(parts, -1);
  }

  /** Rows of a stacked parameter that belong to one target; all of it where there is only one. */
  #partOf(parameter: Tensor, target: LoraTarget): Tensor {
    const rows = parameter.size(0) / this.place.targets.length;
    return parameter.narrow(0, (this.place.targets as readonly LoraTarget[]).indexOf(target) * rows, rows);
  }
}
