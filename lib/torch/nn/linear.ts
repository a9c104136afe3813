import { checkOptions } from "../../options/index.js";
import { empty, linear, narrow } from "../operators.generated.js";
import type { Tensor } from "../tensor.js";
import { Module, type ParameterOptions } from "./module.js";

/** Replaces how a linear layer computes, such as by adding a low-rank update. Set it as `layer.adapter`. */
export interface LinearAdapter {
  /** Whether the output at a position follows from the input at that position alone. Default: yes. */
  readonly isPositionwise?: boolean;
  /** @param x `[..., inFeatures]`   @returns `[..., outFeatures]` */
  forward(x: Tensor, weight: Tensor, bias: Tensor | undefined): Tensor;
}

/**
 * `y = x Wᵀ + b`, or what `adapter` makes of it. Parameters are made uninitialised: load or initialise them.
 */
export class Linear extends Module {
  readonly weight: Tensor; // [outFeatures, inFeatures]
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
    this.weight = this.registerParameter("weight", empty([outFeatures, inFeatures], { device, dtype }));
    if (bias) this.bias = this.registerParameter("bias", empty([outFeatures], { device, dtype }));
  }

  /** @param x `[..., inFeatures]`   @returns `[..., outFeatures]` */
  forward(x: Tensor): Tensor {
    return this.adapter === undefined
      ? linear(x, this.weight, this.bias)
      : this.adapter.forward(x, this.weight, this.bias);
  }
}

/**
 * Several linear layers of one size that read the same input, computed as one matrix product: q, k and v of
 * an attention. Kept as one matrix; published under the names of its parts.
 */
export class StackedLinear extends Linear {
  constructor(
    inFeatures: number,
    readonly partFeatures: number,
    readonly partNames: readonly string[],
    options: ParameterOptions & { bias?: boolean } = {},
  ) {
    super(inFeatures, partFeatures * partNames.length, options);
  }

  /** Rows of one part: `[partFeatures, inFeatures]`, a view. */
  part(name: string, parameter: Tensor): Tensor {
    const index = this.partNames.indexOf(name);
    if (index < 0)
      throw new RangeError(
        `StackedLinear has no part '${name}': expected one of ${this.partNames.join(", ")}.`,
      );
    return narrow(parameter, 0, index * this.partFeatures, this.partFeatures);
  }

  /** Published beside the parent's own children: `q_proj.weight`, `q_proj.bias`, … */
  override stateDict(prefix = ""): Map<string, Tensor> {
    const parent = prefix.replace(/[^.]*\.$/, "");
    const state = new Map<string, Tensor>();
    for (const name of this.partNames) {
      state.set(`${parent}${name}.weight`, this.part(name, this.weight));
      if (this.bias !== undefined) state.set(`${parent}${name}.bias`, this.part(name, this.bias));
    }
    return state;
  }
}
