import { gelu, quickGelu } from "../operators.generated.js";
import type { Tensor } from "../tensor.js";

/** Activations of feed-forward halves, under the names of Hugging Face's configurations. */
export type Activation = "quick_gelu" | "gelu" | "gelu_pytorch_tanh";

const functions: Readonly<Record<Activation, (x: Tensor) => Tensor>> = {
  quick_gelu: quickGelu,
  gelu,
  gelu_pytorch_tanh: (x) => gelu(x, { approximate: "tanh" }),
};

/** @returns the shape of `x` */
export function activate(x: Tensor, activation: Activation): Tensor {
  return functions[activation](x);
}
