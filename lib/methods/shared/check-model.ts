import type { DualEncoder } from "../../clip/index.js";
import type { ContinualMethod } from "./types.js";

/**
 * Compares a method with the model that it is to train, before data is read.
 * @throws if the model lacks what the method, or one of its options, builds on
 */
export function checkModel({ name, needsClassToken, options }: ContinualMethod, model: DualEncoder): void {
  if (needsClassToken === true && !model.vision.hasClassToken) {
    throw new Error(
      `${name}: expected a model with a class token, by which this method routes images, got one that pools its patches, as SigLIP does. ` +
        "Choose another method, or a CLIP.",
    );
  }
  if (options.loss === "sigmoid" && model.logitBias === undefined) {
    throw new Error(
      `${name}: expected a model with a bias of its logits for loss=sigmoid, such as SigLIP, got one without. ` +
        "Choose another loss.",
    );
  }
}
