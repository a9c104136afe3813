import { checkOptions, type OptionKeys } from "../../options/index.js";
import { refuseInsideAutocast } from "../autocast.js";
import { noGrad } from "../autograd.js";
import { add, zerosLike } from "../operators.generated.js";
import { keep, scope, unscoped } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { checkNumbers, checkParameters } from "./checks.js";
import { Optimizer } from "./optimizer.js";

/** Options of `Sgd`. Momentum and weight decay are 0 by default. */
export interface SgdOptions {
  learningRate: number;
  momentum?: number;
  /** Added to the gradient: `g + weightDecay · θ`. */
  weightDecay?: number;
}

const optionKeys: OptionKeys<SgdOptions> = { learningRate: true, momentum: true, weightDecay: true };

/** Stochastic gradient descent with momentum, as PyTorch defines it: `v ← μ v + g`, `θ ← θ − lr · v`. */
export class Sgd extends Optimizer {
  readonly #momentum: number;
  readonly #weightDecay: number;
  readonly #velocities: Tensor[];

  /**
   * @param parameters leaves; those without a gradient are left alone
   * @throws if an option is negative or no number, or a parameter is no leaf
   */
  constructor(parameters: readonly Tensor[], options: SgdOptions) {
    checkOptions(options, optionKeys, "Sgd");
    const { learningRate, momentum = 0, weightDecay = 0 } = options;
    checkParameters("Sgd", parameters);
    checkNumbers("Sgd", { learningRate, momentum, weightDecay });
    super(parameters, learningRate);
    this.#momentum = momentum;
    this.#weightDecay = weightDecay;
    // Zero is where PyTorch's velocity starts too: its first step is the gradient itself.
    this.#velocities =
      this.#momentum === 0 ? [] : unscoped(() => parameters.map((parameter) => keep(zerosLike(parameter))));
  }

  override step(): void {
    refuseInsideAutocast("Sgd.step");
    noGrad(() =>
      scope(() => {
        for (const { index, parameter, grad } of this.withGradients()) {
          const decayed = this.#weightDecay === 0 ? grad : add(grad, parameter, { alpha: this.#weightDecay });
          const direction = this.#velocities[index]?.mul_(this.#momentum).add_(decayed) ?? decayed;
          parameter.add_(direction, { alpha: -this.learningRate });
        }
      }),
    );
  }

  override state(): Map<string, Tensor> {
    return new Map(this.#velocities.map((velocity, i) => [`${i}.velocity`, velocity]));
  }
}
