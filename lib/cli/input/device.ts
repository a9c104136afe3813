import type { Device } from "../../options/index.js";

/**
 * Tells at once where a device is missing, before the layers above the tensors are loaded.
 * @throws UsageError if this machine does not have it
 */
export async function checkDevice(device: Device): Promise<void> {
  const { cuda } = await import("../../torch/index.js");
  cuda.checkDevice(device);
}
