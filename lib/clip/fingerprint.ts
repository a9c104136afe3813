import { createHash, type Hash } from "node:crypto";
import { scope } from "../torch/index.js";
import type { DualEncoder } from "./dual-encoder.js";

/**
 * SHA-256 of a model's sizes, preprocessing and weights, in hexadecimal digits. Vectors of two models can be
 * compared only where it is the same.
 * @param precision whether the precision of its encoders counts too
 */
export function modelFingerprint(model: DualEncoder, { precision = true } = {}): string {
  const hash = createHash("sha256");
  const { config, assets } = model;
  const described = [config, assets?.preprocessing, ...(precision ? [model.precision] : [])];
  hash.update(JSON.stringify(described));
  updateWithWeights(hash, model);
  return hash.digest("hex");
}

/** SHA-256 of a model's weights alone: the same in every format that the model is written in. */
export function weightsFingerprint(model: DualEncoder): string {
  const hash = createHash("sha256");
  updateWithWeights(hash, model);
  return hash.digest("hex");
}

function updateWithWeights(hash: Hash, model: DualEncoder): void {
  for (const [name, parameter] of model.namedParameters()) {
    hash.update(`${name} ${parameter.dtype} ${parameter.shape}`);
    scope(() => {
      const { buffer, byteOffset, byteLength } = parameter
        .detach()
        .to({ device: "cpu" })
        .contiguous()
        .sharedArray();
      hash.update(new Uint8Array(buffer, byteOffset, byteLength));
    });
  }
}
