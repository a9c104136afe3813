import { checkOptions } from "../../options/index.js";
import { layerNorm, ones, zeros } from "../operators.generated.js";
import type { Tensor } from "../tensor.js";
import { Module, type ParameterOptions } from "./module.js";

/** Layer normalisation over the last dimension, arXiv:1607.06450. */
export class LayerNorm extends Module {
  readonly weight: Tensor; // [width]
  readonly bias: Tensor; // [width]

  constructor(
    readonly width: number,
    readonly eps = 1e-5,
    options: ParameterOptions = {},
  ) {
    super();
    checkOptions(options, { device: true, dtype: true }, "LayerNorm");
    this.weight = this.registerParameter("weight", ones([width], options));
    this.bias = this.registerParameter("bias", zeros([width], options));
  }

  /** @param x `[..., width]`   @returns the same shape */
  forward(x: Tensor): Tensor {
    return layerNorm(x, [this.width], { weight: this.weight, bias: this.bias, eps: this.eps });
  }
}
