import { keep } from "../scope.js";
import type { Tensor } from "../tensor.js";
import type { Device, DType } from "../types.js";

/**
 * Something with named parameters. Parameters belong to their module, not to the scope they were made in.
 *
 * A name is a path of dots as in published checkpoints, `vision_model.encoder.layers.0.mlp.fc1.weight`.
 */
export abstract class Module {
  readonly #parameters = new Map<string, Tensor>();
  readonly #children = new Map<string, Module>();

  /** The module's own parameters and those of its children, in the order of registration. */
  *namedParameters(prefix = ""): Generator<[name: string, parameter: Tensor]> {
    for (const [name, parameter] of this.#parameters) yield [prefix + name, parameter];
    for (const [name, child] of this.#children) yield* child.namedParameters(`${prefix}${name}.`);
  }

  parameters(): Tensor[] {
    return Array.from(this.namedParameters(), ([, parameter]) => parameter);
  }

  /** This module and all below it, with their paths. */
  *namedModules(prefix = ""): Generator<[name: string, module: Module]> {
    yield [prefix, this];
    for (const [name, child] of this.#children)
      yield* child.namedModules(prefix === "" ? name : `${prefix}.${name}`);
  }

  /**
   * Parameters under the keys of published checkpoints: what is saved and loaded. Differs from
   * `namedParameters` where a module keeps several published matrices in one, as stacked projections do; then
   * these are views of it.
   */
  stateDict(prefix = ""): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const [name, tensor] of this.publishedParameters()) state.set(prefix + name, tensor);
    for (const [name, child] of this.#children) {
      for (const [key, tensor] of child.stateDict(`${prefix}${name}.`)) state.set(key, tensor);
    }
    return state;
  }

  requiresGrad_(value: boolean): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = value;
    return this;
  }

  /** Elements in all parameters. */
  numParameters(): number {
    return this.parameters().reduce((total, parameter) => total + parameter.numel(), 0);
  }

  dispose(): void {
    for (const parameter of this.#parameters.values()) parameter.dispose();
    for (const child of this.#children.values()) child.dispose();
  }

  protected publishedParameters(): Iterable<[name: string, tensor: Tensor]> {
    return this.#parameters;
  }

  protected registerParameter(name: string, parameter: Tensor): Tensor {
    this.#parameters.set(name, keep(parameter));
    return parameter;
  }

  protected registerChild<T extends Module>(name: string, child: T): T {
    this.#children.set(name, child);
    return child;
  }
}

/** Device and dtype of a module's parameters. */
export interface ParameterOptions {
  device?: Device;
  dtype?: DType;
}
