import { checkOptions } from "../options/index.js";
import { type Generator, generator, type nn, noGrad, randn, scope } from "../torch/index.js";
import type { ModelAssets } from "./assets.js";
import type { ClipConfig } from "./config.js";
import { ClipModel } from "./model.js";

export interface CreateOptions extends nn.ParameterOptions {
  /** Default: 0. */
  readonly seed?: number;
  /** Tokenizer and preprocessing, from `readAssets`. */
  readonly assets?: ModelAssets;
}

/** A model with random weights. One seed gives the same weights on every device. */
export function createModel(config: ClipConfig, options: CreateOptions = {}): ClipModel {
  checkOptions(options, { seed: true, assets: true, device: true, dtype: true }, "createModel");
  const { seed = 0, assets, ...parameters } = options;
  const model = new ClipModel(config, assets, parameters);
  if (model.device !== "meta") initialise(model, generator(seed));
  return model;
}

/**
 * Fills all parameters from the distributions that `transformers` uses in
 * `CLIPPreTrainedModel._init_weights`.
 */
export function initialise(model: ClipModel, generator: Generator): void {
  noGrad(() => {
    for (const [key, parameter] of model.stateDict()) {
      scope(() => {
        const std = standardDeviation(key, model.config);
        if (std !== undefined) parameter.copy_(randn(parameter.shape, { generator }).mul_(std));
        else parameter.fill_(constant(key, model.config));
      });
    }
  });
}

/** The standard deviation of a normal parameter; `undefined` for a constant one. */
function standardDeviation(key: string, config: ClipConfig): number | undefined {
  const { width, layers } = key.startsWith("text") ? config.text : config.vision;
  const residual = (2 * layers) ** -0.5;
  const kind = key.match(/(\w+?)(?:\.weight)?$/)?.[1];
  switch (kind) {
    case "class_embedding":
    case "out_proj":
    case "visual_projection":
    case "text_projection":
      return width ** -0.5;
    case "q_proj":
    case "k_proj":
    case "v_proj":
    case "fc2":
      return width ** -0.5 * residual;
    case "fc1":
      return (2 * width) ** -0.5;
    case "token_embedding":
    case "patch_embedding":
    case "position_embedding":
      return 0.02;
    default:
      return undefined;
  }
}

function constant(key: string, config: ClipConfig): number {
  if (key === "logit_scale") return config.logitScaleInit;
  return key.endsWith(".bias") ? 0 : 1; // what remains are layer norms
}
