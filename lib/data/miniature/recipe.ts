import type { PretrainOptions } from "../../clip/index.js";

/** How the miniature CLIP is built and pre-trained; `codyra pretrain` follows it. */
export interface PretrainingRecipe extends Omit<PretrainOptions, "signal" | "onProgress" | "reportEvery"> {
  /** Side of the square images in pixels. */
  readonly imageSize: number;
  readonly patchSize: number;
  readonly vision: TowerSize;
  readonly text: TowerSize;
  readonly embedDim: number;
  /** Tokens per text, markers included. */
  readonly contextLength: number;
  /** Image–caption pairs drawn from the mixture; every epoch shows them in a new order. */
  readonly pairs: number;
}

/** Size of a transformer. */
export interface TowerSize {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
}

export const miniatureRecipe: PretrainingRecipe = {
  imageSize: 48,
  patchSize: 12,
  vision: { width: 96, layers: 4, heads: 3 },
  text: { width: 96, layers: 3, heads: 3 },
  embedDim: 96,
  contextLength: 32,
  pairs: 50_000,
  steps: 3000,
  batchSize: 128,
  learningRate: 2e-3,
  warmupSteps: 200,
  weightDecay: 0.1,
  betas: [0.9, 0.98],
  maxGradientNorm: 1,
  maxLogitScale: 100,
  seed: 0,
};
