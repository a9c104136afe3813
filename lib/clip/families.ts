import type { nn } from "../torch/index.js";
import type { ModelAssets } from "./assets.js";
import { ClipModel } from "./clip-model.js";
import type { ModelConfig } from "./config.js";
import type { DualEncoder } from "./dual-encoder.js";
import { SiglipModel } from "./siglip-model.js";

/** A model of the family that its shape is of, uninitialised. */
export function newModel(
  config: ModelConfig,
  assets?: ModelAssets,
  options: nn.ParameterOptions = {},
): DualEncoder {
  return config.family === "siglip"
    ? new SiglipModel(config, assets, options)
    : new ClipModel(config, assets, options);
}
