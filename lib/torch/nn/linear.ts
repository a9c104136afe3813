import { checkOptions } from "../../options/index.js";
import { denseLinear, empty } from "../operators.generated.js";
import type { Tensor } from "../tensor.js";
import { type Activation, activate } from "./activation.js";
import { Module, type ParameterOptions } from "./module.js";

/** Replaces how a linear layer computes, such as by adding a low-rank update. Set it as `layer.adapter`. */
export interface LinearAdapter {
  /** Whether the output at a position follows from the input at that position alone. Default: yes. */
  readonly isPositionwise?: boolean;
  /** @param x `[..., inFeatures]`   @returns `[..., outFeatures]` */
  forward(x: Tensor, weight: Tensor, bias: Tensor | undefined): Tensor;
  /** `forward` of an activation of `x`, for adapters that need not keep both for the backward pass. */
  forwardActivated?(x: Tensor, activation: Activation, weight: Tensor, bias: Tensor | undefined): Tensor;
}

/**
 * `y = x Wᵀ + b`, or what `adapter` makes of it. Parameters are made uninitialised: load or initialise them.
 */
export class Linear extends Module {
  readonly #weight: Tensor;
  readonly bias: Tensor | undefined;
  adapter: LinearAdapter | undefined;

  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    options: ParameterOptions & { bias?: boolean } = {},
  ) {
    super();
    checkOptions(options, { device: true, dtype: true, bias: true }, "Linear");
    const { bias = true, device, dtype } = options;
    this.#weight = this.registerParameter("weight", empty([outFeatures, inFeatures], { device, dtype }));
    if (bias) this.bias = this.registerParameter("bias", empty([outFeatures], { device, dtype }));
  }

  /** `[outFeatures, inFeatures]` */
  get weight(): Tensor {
    return this.#weight;
  }

  /** @param x `[..., inFeatures]`   @returns `[..., outFeatures]` */
  forward(x: Tensor): Tensor {
    return this.adapter === undefined
      ? denseLinear(x, this.weight, this.bias)
      : this.adapter.forward(x, this.weight, this.bias);
  }

  /** `forward` of an activation of `x`.   @param x `[..., inFeatures]`   @returns `[..., outFeatures]` */
  forwardActivated(x: Tensor, activation: Activation): Tensor {
    return (
      this.adapter?.forwardActivated?.(x, activation, this.weight, this.bias) ??
      this.forward(activate(x, activation))
    );
  }
}
