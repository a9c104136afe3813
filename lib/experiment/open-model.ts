import { type DualEncoder, defaultPrecision, loadModel } from "../clip/index.js";
import type { Device, Precision } from "../options/index.js";
import { cuda } from "../torch/index.js";
import { type ModelSettings, resolveModel } from "./models.js";

/**
 * @param given `shareFile`: the weights stay in their file, see `loadModel`
 * @throws if there is no such model or device, or the model's files are damaged
 */
export function openModel(
  { model, ...options }: ModelSettings,
  device: Device,
  precision: Precision = defaultPrecision(device),
  given: { readonly shareFile?: boolean } = {},
): DualEncoder {
  cuda.checkDevice(device);
  return loadModel(resolveModel(model), { ...options, ...given, device, precision });
}
