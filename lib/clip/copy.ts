import { scope } from "../torch/index.js";
import { loadStateDict } from "./checkpoint/parameters.js";
import { ClipModel } from "./model.js";

/** A model of its own with the same weights, frozen. */
export function copyModel(model: ClipModel): ClipModel {
  const copy = new ClipModel(model.config, model.assets, { device: model.device, dtype: model.dtype });
  scope(() => loadStateDict(copy, model.stateDict(), "copyModel"));
  copy.precision = model.precision;
  return copy.requiresGrad_(false);
}
