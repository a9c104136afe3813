import { torch } from "../../dist/index.js";

/** Milliseconds, after all work of the device is done. */
export function now(device) {
  if (device !== "cpu") torch.cuda.synchronize();
  return performance.now();
}
