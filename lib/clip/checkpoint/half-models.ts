import type { StateDict } from "./keys.js";
import { remedyFor } from "./remedies.js";

/**
 * transformers saves one encoder, or a classifier on the image encoder, under the names that the whole model
 * has.
 * @param tensors under Hugging Face's names
 * @throws if one of the two encoders is not there at all, naming the class that the weights are of
 */
export function checkBothEncoders(tensors: StateDict, source: string): void {
  const has = (prefix: string): boolean => [...tensors.keys()].some((key) => key.startsWith(prefix));
  const [images, texts] = [has("vision_model."), has("text_model.")];
  if (images && texts) return;
  const [flat] = [...tensors.keys()].filter((key) => key.endsWith("_flat_param"));
  if (flat !== undefined) {
    throw new Error(
      `${source}: '${flat}' is a part of flattened weights: expected a parameter each. ${remedyFor([flat], tensors)}`,
    );
  }
  const family = isSiglip(tensors) ? "Siglip" : "CLIP";
  const [what, remedy] = has("classifier.")
    ? [
        `those of ${family}ForImageClassification, which tells fixed classes and has no text encoder`,
        `the ${family}Model that it was trained from`,
      ]
    : images
      ? [`those of ${family}VisionModel, an image encoder alone`, "the model with both encoders"]
      : [`those of ${family}TextModel, a text encoder alone`, "the model with both encoders"];
  throw new Error(
    `${source}: the weights are ${what}: expected ${family}Model, which has an image and a text encoder. Give ${remedy}.`,
  );
}

/** SigLIP's encoders have heads, and no token for the class of an image or before the first block. */
function isSiglip(tensors: StateDict): boolean {
  if (tensors.has("vision_model.embeddings.patch_embedding.weight"))
    return !tensors.has("vision_model.embeddings.class_embedding");
  return [...tensors.keys()].some((key) => key.startsWith("text_model.head."));
}
