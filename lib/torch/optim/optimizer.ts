import { checkOptions } from "../../options/index.js";
import type { Tensor } from "../tensor.js";

/** Changes parameters by their gradients. State tensors belong to the optimiser; `dispose` releases them. */
export abstract class Optimizer implements Disposable {
  constructor(
    readonly parameters: readonly Tensor[],
    public learningRate: number,
  ) {
    if (parameters.length === 0)
      throw new Error("Optimizer: expected at least one parameter, got none. Pass model.parameters().");
  }

  /**
   * One step along the gradients; parameters without one are left alone.
   * @throws inside `autocast`, whose forward passes would not see the step
   */
  abstract step(): void;

  /** Everything that a later run needs to go on identically, by name. */
  abstract state(): Map<string, Tensor>;

  /**
   * Takes over a state of an optimiser with the same parameters.
   * @throws if a tensor is missing or has another shape
   */
  loadState(state: ReadonlyMap<string, Tensor>): void {
    for (const [name, tensor] of this.state()) {
      const saved = state.get(name);
      if (saved === undefined)
        throw new Error(
          `Optimizer state lacks '${name}'. Load the state of an optimiser with the same parameters.`,
        );
      if (String(saved.shape) !== String(tensor.shape)) {
        throw new Error(
          `Optimizer state '${name}' has shape [${saved.shape}], expected [${tensor.shape}]. Load the state of an optimiser with the same parameters.`,
        );
      }
      tensor.copy_(saved).dispose();
    }
  }

  /** Forgets the gradients, or fills them with zeros in place, which keeps views of them valid. */
  zeroGrad(options: { setToNone?: boolean } = {}): void {
    checkOptions(options, { setToNone: true }, "Optimizer.zeroGrad");
    for (const parameter of this.parameters) {
      if (options.setToNone ?? true) {
        parameter.grad = undefined;
      } else {
        using grad = parameter.grad;
        grad?.zero_().dispose();
      }
    }
  }

  dispose(): void {
    for (const tensor of this.state().values()) tensor.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Parameters that have a gradient now, with their position and the gradient. */
  protected *withGradients(): Generator<{ index: number; parameter: Tensor; grad: Tensor }> {
    for (const [index, parameter] of this.parameters.entries()) {
      const grad = parameter.grad;
      if (grad !== undefined) yield { index, parameter, grad };
    }
  }
}
