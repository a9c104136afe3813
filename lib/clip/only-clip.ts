import { ClipModel } from "./clip-model.js";
import type { DualEncoder } from "./dual-encoder.js";

/** @param format that knows CLIPs alone   @throws if the model is of another family */
export function onlyClip(model: DualEncoder, format: string): ClipModel {
  if (model instanceof ClipModel) return model;
  throw new Error(
    `${format}: expected a CLIP, got a SigLIP, which is not written in this format. ` +
      "Write it as a Hugging Face directory: saveModel, or --format huggingface.",
  );
}
