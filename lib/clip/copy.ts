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

/**
 * The same without the blocks of the image encoder, which take most of its memory: only its `encodeText` is
 * the model's.
 */
export function copyTextEncoder(model: DualEncoder): DualEncoder {
  const config = { ...model.config, vision: { ...model.config.vision, layers: 0 } } as DualEncoder["config"];
  const copy = newModel(config, model.assets, { device: model.device, dtype: model.dtype });
  scope(() => {
    const all = model.stateDict();
    const own = Array.from(copy.stateDict().keys(), (name) => [name, all.get(name)!] as const);
    loadStateDict(copy, new Map(own), "copyTextEncoder");
  });
  copy.precision = model.precision;
  return copy.requiresGrad_(false);
}
