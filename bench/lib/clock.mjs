import { torch } from "../../dist/index.js";

/** Milliseconds, after all work of the device is done. */
export function now(device) {
  if (device !== "cpu") torch.cuda.synchronize();
  return performance.now();
}

/**
 * Milliseconds of the processor where one thread computes, which a busy machine does not make longer; else as
 * `now`.
 */
export function ownTime(device) {
  if (device !== "cpu" || torch.numThreads() > 1) return now(device);
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
