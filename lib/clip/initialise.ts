import { checkOptions } from "../options/index.js";
import { type Generator, generator, type nn, noGrad, rand, randn, scope } from "../torch/index.js";
import type { ModelAssets } from "./assets.js";
import { clipInitialisation } from "./clip-initialisation.js";
import type { ModelConfig } from "./config.js";
import type { DualEncoder } from "./dual-encoder.js";
import { newModel } from "./families.js";
import { siglipInitialisation } from "./siglip-initialisation.js";

export interface CreateOptions extends nn.ParameterOptions {
  /** Default: 0. */
  readonly seed?: number;
  /** Tokenizer and preprocessing, from `readAssets`. */
  readonly assets?: ModelAssets;
}

/** The distribution of a parameter: one number, a normal one, or a uniform one within ±bound. */
export type Distribution =
  | { readonly constant: number }
  | { readonly std: number }
  | { readonly bound: number };

/** A model with random weights. One seed gives the same weights on every device. */
export function createModel(config: ModelConfig, options: CreateOptions = {}): DualEncoder {
  checkOptions(options, { seed: true, assets: true, device: true, dtype: true }, "createModel");
  const { seed = 0, assets, ...parameters } = options;
  const model = newModel(config, assets, parameters);
  if (model.device !== "meta") initialise(model, generator(seed));
  return model;
}

/** Fills all parameters from the distributions that `transformers` uses for the family. */
export function initialise(model: DualEncoder, generator: Generator): void {
  noGrad(() => {
    for (const [key, parameter] of model.stateDict()) {
      scope(() => {
        const { shape } = parameter;
        const drawn = distribution(key, shape, model.config);
        if ("constant" in drawn) parameter.fill_(drawn.constant);
        else if ("std" in drawn) parameter.copy_(randn(shape, { generator }).mul_(drawn.std));
        else parameter.copy_(rand(shape, { generator }).mul_(2).sub_(1).mul_(drawn.bound));
      });
    }
  });
}

function distribution(key: string, shape: readonly number[], config: ModelConfig): Distribution {
  return config.family === "siglip"
    ? siglipInitialisation(key, shape, config)
    : clipInitialisation(key, config);
}
