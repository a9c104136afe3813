import type { Device } from "../../options/index.js";
import { UsageError } from "../../options/index.js";

/**
 * Tells at once where a device is missing, before data is decoded or a model is opened.
 * @throws UsageError if this machine does not have it
 */
export async function checkDevice(device: Device): Promise<void> {
  const { cuda } = await import("../../torch/index.js");
  const problem = cuda.problemWith(device);
  if (problem !== undefined) throw new UsageError(problem);
}
