import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import type { LoraModel } from "./model.js";

export interface LoraOptimizerOptions {
  optimizer: "adamw" | "sgd";
  betas: readonly [number, number];
  eps: number;
  weightDecay: number;
  /**
   * `exact` is T_κ of eq. 7 (with the erratum's minus). `in-place` is what the reference code's sequence of assignments does: a
   * dead zone of 2κ. Method specification, section 7.4.
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

/**
 * Gradient step on all adapters, then soft-thresholding of the importance weights: eq. 5 to 7 of arXiv:2412.01004. Two launches,
 * whatever the number of modules.
 */
export class LoraOptimizer {
  readonly #options: LoraOptimizerOptions;
  readonly #factors: torch.optim.Optimizer;
  readonly #importance: { first: Tensor; second: Tensor } | undefined;
  #step = 0;

  constructor(
    readonly lora: LoraModel,
    options: Partial<LoraOptimizerOptions> = {},
  ) {
    this.#options = { ...defaultLoraOptimizerOptions, ...options };
    const { optimizer, betas, eps, weightDecay } = this.#options;
    this.#factors =
      optimizer === "adamw"
        ? new torch.optim.AdamW([lora.factors], { learningRate: 0, betas, eps, weightDecay })
        : new torch.optim.Sgd([lora.factors], { learningRate: 0, weightDecay });
    if (lora.config.importance !== "fixed") {
      const moment = (): Tensor => torch.unscoped(() => torch.zerosLike(lora.importance).keep());
      this.#importance = { first: moment(), second: moment() };
    }
  }

  /** @param learningRate η of this iteration   @param kappa κ of this iteration; 0 leaves out the thresholding */
  step(learningRate: number, kappa: number): void {
    this.#step += 1;
    this.#factors.learningRate = learningRate;
    this.#factors.step();
    if (this.#importance !== undefined) {
      torch.noGrad(() => torch.scope(() => this.#stepImportance(learningRate, kappa)));
    }
  }

  #stepImportance(learningRate: number, kappa: number): void {
    const { first, second } = this.#importance as { first: Tensor; second: Tensor };
    const { importance } = this.lora;
    const { optimizer, betas, eps, weightDecay, threshold } = this.#options;
    const grad = importance.grad as Tensor;
    if (optimizer === "adamw") {
      torch.adamwSoftThreshold_(importance, grad, first, second, {
        step: this.#step,
        lr: learningRate,
        beta1: betas[0],
        beta2: betas[1],
        eps,
        weightDecay,
        kappa,
        reference: threshold === "in-place",
      });
      return;
    }
    importance.mul_(1 - learningRate * weightDecay).add_(grad, { alpha: -learningRate });
    if (kappa > 0) {
      if (threshold === "in-place") torch.softThresholdReference_(importance, kappa);
      else torch.softThreshold_(importance, kappa);
    }
  }

  dispose(): void {
    this.#factors.dispose();
    this.#importance?.first.dispose();
    this.#importance?.second.dispose();
  }
}
