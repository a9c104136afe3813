import { scope } from "../torch/index.js";
import { loadStateDict } from "./checkpoint/parameters.js";
import type { DualEncoder } from "./dual-encoder.js";
import { newModel } from "./families.js";

/** A model of its own with the same weights, frozen. */
export function copyModel(model: DualEncoder): DualEncoder {
  const copy = newModel(model.config, model.assets, { device: model.device, dtype: model.dtype });
  scope(() => loadStateDict(copy, model.stateDict(), "copyModel"));
  copy.precision = model.precision;
  return copy.requiresGrad_(false);
}
