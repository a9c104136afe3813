import { createHash } from "node:crypto";
import type { ClipModel } from "../clip/index.js";
import { scope } from "../torch/index.js";

/**
 * SHA-256 of a model's sizes, preprocessing and weights, in hexadecimal digits. Vectors of two models can be
 * compared only where it is the same.
 */
export function modelFingerprint(model: ClipModel): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([model.config, model.assets?.preprocessing, model.precision]));
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
  return hash.digest("hex");
}
