import { callOperator } from "./operator.js";
import { toCopy } from "./operators.generated.js";
import { scope } from "./scope.js";
import type { Tensor } from "./tensor.js";
import type { Device } from "./types.js";

/**
 * A tensor of the CPU on another device. Copies to CUDA go through page-locked memory and are queued there.
 * The host does not wait for the work that is queued before them.
 */
export function upload(host: Tensor, device: Device): Tensor {
  if (!device.startsWith("cuda") || host.device !== "cpu") return host.to({ device });
  return scope(() => toCopy(callOperator("aten::pin_memory", host) as Tensor, { device, nonBlocking: true }));
}
