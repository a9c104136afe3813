import { checkOptions, type OptionKeys } from "../../options/index.js";
import { refuseInsideAutocast } from "../autocast.js";
import { noGrad } from "../autograd.js";
import { fusedAdamw_, zeros, zerosLike } from "../operators.generated.js";
import { keep, scope, unscoped } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { checkNumbers, checkParameters } from "./checks.js";
import { Optimizer } from "./optimizer.js";

/** Options of `AdamW`, each at PyTorch's default: 1e-3, [0.9, 0.999], 1e-8 and 0.01. */
export interface AdamWOptions {
  learningRate?: number;
  betas?: readonly [number, number];
  eps?: number;
  /** Decoupled: `θ ← θ − lr · weightDecay · θ`. */
  weightDecay?: number;
}

const optionKeys: OptionKeys<AdamWOptions> = {
  learningRate: true,
  betas: true,
  eps: true,
  weightDecay: true,
};

/**
 * AdamW, arXiv:1711.05101, with libtorch's fused kernel: one launch for all parameters. Defaults are those of
 * PyTorch.
 */
export class AdamW extends Optimizer {
  /** Decay rates of the moments; some schedules change the first one from step to step. */
  betas: readonly [number, number];
  readonly #options: Required<Pick<AdamWOptions, "eps" | "weightDecay">>;
  readonly #moments: { first: Tensor; second: Tensor; step: Tensor }[];

  /**
   * @param parameters leaves; those without a gradient are left alone
   * @throws if an option is negative or no number, a β is 1 or more, or a parameter is no leaf
   */
  constructor(parameters: readonly Tensor[], options: AdamWOptions = {}) {
    checkOptions(options, optionKeys, "AdamW");
    const { learningRate = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0.01 } = options;
    checkParameters("AdamW", parameters);
    checkNumbers("AdamW", { learningRate, eps, weightDecay });
    checkNumbers("AdamW", { "betas[0]": betas[0], "betas[1]": betas[1] }, 1);
    super(parameters, learningRate);
    this.betas = betas;
    this.#options = { eps, weightDecay };
    this.#moments = unscoped(() =>
      parameters.map((parameter) => ({
        first: keep(zerosLike(parameter)),
        second: keep(zerosLike(parameter)),
        step: keep(zeros([], { dtype: "float32", device: parameter.device })),
      })),
    );
  }

  override step(): void {
    refuseInsideAutocast("AdamW.step");
    noGrad(() => scope(() => this.#update()));
  }

  #update(): void {
    const due = Array.from(this.withGradients());
    if (due.length === 0) return;
    const moments = due.map(
      ({ index }) => this.#moments[index] as { first: Tensor; second: Tensor; step: Tensor },
    );
    for (const { step } of moments) step.add_(1);
    fusedAdamw_(
      due.map(({ parameter }) => parameter),
      due.map(({ grad }) => grad),
      moments.map(({ first }) => first),
      moments.map(({ second }) => second),
      [],
      moments.map(({ step }) => step),
      {
        lr: this.learningRate,
        beta1: this.betas[0],
        beta2: this.betas[1],
        weightDecay: this.#options.weightDecay,
        eps: this.#options.eps,
        amsgrad: false,
        maximize: false,
      },
    );
  }

  override state(): Map<string, Tensor> {
    return new Map(
      this.#moments.flatMap(({ first, second, step }, i) => [
        [`${i}.first`, first],
        [`${i}.second`, second],
        [`${i}.step`, step],
      ]),
    );
  }
}
