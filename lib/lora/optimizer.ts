import { checkOptions, type OptionKeys } from "../options/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import type { LoraModel } from "./model.js";

export interface LoraOptimizerOptions {
  optimizer: "adamw" | "sgd";
  betas: readonly [number, number];
  eps: number;
  weightDecay: number;
  /**
   * `exact` is T_κ of eq. 7 (with the erratum's minus). `in-place` is what the released code's sequence of
   * assignments does: a dead zone of 2κ. docs/specification.md, section 2.4.
   */
  threshold: "exact" | "in-place";
}

export const defaultLoraOptimizerOptions: LoraOptimizerOptions = {
  optimizer: "adamw",
  betas: [0.9, 0.9999],
  eps: 1e-8,
  weightDecay: 0,
  threshold: "exact",
};

const optionKeys: OptionKeys<LoraOptimizerOptions> = {
  optimizer: true,
  betas: true,
  eps: true,
  weightDecay: true,
  threshold: true,
};

/**
 * Gradient step on all adapters, then soft-thresholding of the importance weights: eq. 5 to 7 of
 * arXiv:2412.01004. With AdamW one launch, whatever the number of modules.
 */
export class LoraOptimizer {
  readonly #options: LoraOptimizerOptions;
  /** The part of `lora.parameters` that is trained: all of it, unless the importance weights are fixed. */
  readonly #trained: Tensor;
  readonly #gradients: Tensor;
  readonly #moments: readonly [Tensor, Tensor] | undefined;
  /** Calls of `step` so far: what AdamW corrects its moments by. */
  steps = 0;

  constructor(
    readonly lora: LoraModel,
    options: Partial<LoraOptimizerOptions> = {},
  ) {
    checkOptions(options, optionKeys, "LoraOptimizer");
    this.#options = { ...defaultLoraOptimizerOptions, ...options };
    const { factors, importance } = lora.numTrainable;
    const trained = (tensor: Tensor): Tensor => tensor.narrow(0, 0, factors + importance).keep();
    const state = torch.noGrad(() =>
      torch.scope(() => {
        const parameters = trained(lora.parameters);
        const moment = (): Tensor => torch.zerosLike(parameters).keep();
        return {
          parameters,
          gradients: trained(lora.parameters.grad as Tensor),
          moments: this.#options.optimizer === "adamw" ? ([moment(), moment()] as const) : undefined,
        };
      }),
    );
    this.#trained = state.parameters;
    this.#gradients = state.gradients;
    this.#moments = state.moments;
  }

  /**
   * @param learningRate η of this iteration
   * @param kappa κ of this iteration; 0 leaves out the thresholding
   * @throws inside `autocast`, whose forward passes would not see the step
   */
  step(learningRate: number, kappa: number): void {
    torch.refuseInsideAutocast("LoraOptimizer.step");
    this.steps += 1;
    torch.noGrad(() =>
      torch.scope(() => {
        if (this.#moments === undefined) this.#descend(learningRate, kappa);
        else this.#adamw(this.#moments, { lr: learningRate, kappa, step: this.steps });
      }),
    );
    this.lora.releaseEffectiveWeights();
  }

  /**
   * The same with what changes from step to step in a tensor, which a CUDA graph reads anew whenever it is
   * replayed.
   * @param schedule η, κ and the number of the step, counted from 1: float64 `[3]`, on the device of the
   * adapters
   * @throws with the optimiser `sgd`, and inside `autocast`
   */
  stepBy(schedule: Tensor): void {
    torch.refuseInsideAutocast("LoraOptimizer.stepBy");
    const moments = this.#moments;
    if (moments === undefined) {
      throw new Error(
        "LoraOptimizer.stepBy: expected the optimiser 'adamw', got 'sgd'. Call step() instead.",
      );
    }
    torch.noGrad(() => torch.scope(() => this.#adamw(moments, schedule)));
    this.lora.releaseEffectiveWeights();
  }

  #adamw(
    moments: readonly [Tensor, Tensor],
    schedule: Tensor | { lr: number; kappa: number; step: number },
  ): void {
    const { betas, eps, weightDecay, threshold } = this.#options;
    const options = {
      beta1: betas[0],
      beta2: betas[1],
      eps,
      weightDecay,
      released: threshold === "in-place",
      first: this.lora.numTrainable.factors,
    };
    if (schedule instanceof torch.Tensor) {
      torch.adamwSoftThreshold_(this.#trained, this.#gradients, ...moments, schedule, options);
    } else {
      torch.adamwSoftThreshold_(this.#trained, this.#gradients, ...moments, { ...options, ...schedule });
    }
  }

  #descend(learningRate: number, kappa: number): void {
    const { weightDecay, threshold } = this.#options;
    this.#trained.mul_(1 - learningRate * weightDecay).add_(this.#gradients, { alpha: -learningRate });
    if (kappa === 0 || this.lora.numTrainable.importance === 0) return;
    if (threshold === "in-place") torch.softThresholdReleased_(this.lora.importance, kappa);
    else torch.softThreshold_(this.lora.importance, kappa);
  }

  /** AdamW's moments, with which a later run goes on identically. `steps` counts beside them. */
  state(): Map<string, Tensor> {
    return new Map(this.#moments?.map((moment, i) => [i === 0 ? "first" : "second", moment]));
  }

  /** Takes over a state of an optimiser of adapters of the same shapes. */
  loadState(state: ReadonlyMap<string, Tensor>): void {
    torch.noGrad(() => {
      for (const [name, moment] of this.state()) moment.copy_(state.get(name) as Tensor).dispose();
    });
  }

  dispose(): void {
    for (const tensor of [this.#trained, this.#gradients, ...(this.#moments ?? [])]) tensor.dispose();
  }
}
