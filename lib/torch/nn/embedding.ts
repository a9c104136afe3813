import { checkOptions } from "../../options/index.js";
import { embedding, empty } from "../operators.generated.js";
import type { Tensor } from "../tensor.js";
import { Module, type ParameterOptions } from "./module.js";

/** A table of vectors, looked up by integer. Made uninitialised: load or initialise it. */
export class Embedding extends Module {
  readonly weight: Tensor; // [count, width]

  constructor(
    readonly count: number,
    readonly width: number,
    options: ParameterOptions = {},
  ) {
    super();
    checkOptions(options, { device: true, dtype: true }, "Embedding");
    this.weight = this.registerParameter("weight", empty([count, width], options));
  }

  /** @param indices `int64 [...]`   @returns `[..., width]` */
  forward(indices: Tensor): Tensor {
    return embedding(this.weight, indices);
  }
}
