import { noGrad } from "../autograd.js";
import { cat, denseLinear, narrow } from "../operators.generated.js";
import { keep, scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { Linear } from "./linear.js";
import type { ParameterOptions } from "./module.js";

/**
 * Several linear layers of one size that read the same input, computed as one matrix product: q, k and v of
 * an attention. Kept as one matrix; published under the names of its parts.
 */
export class StackedLinear extends Linear {
  #parts: readonly Tensor[] | undefined;

  constructor(
    inFeatures: number,
    readonly partFeatures: number,
    readonly partNames: readonly string[],
    options: ParameterOptions & { bias?: boolean } = {},
  ) {
    super(inFeatures, partFeatures * partNames.length, options);
  }

  /** All parts as one matrix. Those that are shared are copied into it when it is first asked for. */
  override get weight(): Tensor {
    this.#stack();
    return super.weight;
  }

  /**
   * Takes the memory of these matrices, one for each part, which are then multiplied one by one. That is for
   * weights mapped from a file: the first products need no copy of them.
   * @param parts `[partFeatures, inFeatures]` each, like the parameter in dtype and device
   */
  shareParts(parts: readonly Tensor[]): void {
    this.#disposeParts();
    this.#parts = parts.map((part) => keep(part.detach()));
  }

  override forward(x: Tensor): Tensor {
    if (this.#parts === undefined || this.adapter !== undefined) return super.forward(x);
    const { bias, partFeatures } = this;
    const products = this.#parts.map((weight, i) =>
      denseLinear(x, weight, bias && narrow(bias, 0, i * partFeatures, partFeatures)),
    );
    return cat(products, -1);
  }

  override *namedParameters(prefix = ""): Generator<[name: string, parameter: Tensor]> {
    this.#stack();
    yield* super.namedParameters(prefix);
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
    for (const [i, name] of this.partNames.entries()) {
      state.set(`${parent}${name}.weight`, this.#parts?.[i] ?? this.part(name, super.weight));
      if (this.bias !== undefined) state.set(`${parent}${name}.bias`, this.part(name, this.bias));
    }
    return state;
  }

  override dispose(): void {
    this.#disposeParts();
    super.dispose();
  }

  #stack(): void {
    const parts = this.#parts;
    if (parts === undefined) return;
    this.#parts = undefined;
    noGrad(() =>
      scope(() => {
        for (const [i, name] of this.partNames.entries())
          this.part(name, super.weight).copy_(parts[i] as Tensor);
      }),
    );
    for (const part of parts) part.dispose();
  }

  #disposeParts(): void {
    for (const part of this.#parts ?? []) part.dispose();
    this.#parts = undefined;
  }
}
