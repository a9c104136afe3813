import { type ClipModel, defaultPrecision, loadModel } from "../clip/index.js";
import { type Device, type Precision, UsageError } from "../options/index.js";
import { cuda } from "../torch/index.js";
import { type ModelSettings, resolveModel } from "./models.js";

/** @throws if there is no such model or device, or the model's files are damaged */
export function openModel(
  { model, ...options }: ModelSettings,
  device: Device,
  precision: Precision = defaultPrecision(device),
): ClipModel {
  checkDevice(device);
  return loadModel(resolveModel(model), { ...options, device, precision });
}

/**
 * Tells at once where a device is missing, before data is decoded or a model is opened.
 * @throws UsageError if this machine does not have it
 */
export function checkDevice(device: Device): void {
  const problem = cuda.problemWith(device);
  if (problem !== undefined) throw new UsageError(problem);
}
