import { UsageError } from "../options/index.js";
import { bridge, type DeviceMemory } from "./bridge.js";
import type { Device } from "./types.js";

export type { CapturedStep, StepPart } from "./captured-step.js";
export { type CaptureOptions, type CapturePartsOptions, capture, captureParts } from "./cuda-graph.js";

/** Whether there is a CUDA device. Where there is none, all functions here that take a device throw. */
export function isAvailable(): boolean {
  return deviceCount() > 0;
}

/** Zero without CUDA. */
export function deviceCount(): number {
  return bridge().cudaDeviceCount();
}

/**
 * Tells at once where a device is missing, `cpu` and CUDA devices alike, before data is decoded or a model is
 * opened.
 * @throws UsageError if this machine does not have it
 */
export function checkDevice(device: Device): void {
  const [type, index = "0"] = device.split(":");
  if (type !== "cuda") return;
  const count = deviceCount();
  if (Number(index) < count) return;
  const expected =
    count === 0 ? "a CUDA device, and libtorch finds none" : `one of cuda:0 to cuda:${count - 1}`;
  throw new UsageError(`Device ${device}: expected ${expected}. Use --device cpu, or see codyra doctor.`);
}

/** Waits until all work queued on the device is done. */
export function synchronize(device = 0): void {
  bridge().cudaSynchronize(device);
}

/**
 * Bytes on the device: held by tensors now and at most since `resetPeakMemory`, reserved by libtorch, free,
 * and in all.
 */
export function memory(device = 0): DeviceMemory {
  return bridge().cudaMemory(device);
}

/** Starts the measurement of `peakAllocatedBytes` anew. */
export function resetPeakMemory(device = 0): void {
  bridge().cudaResetPeakMemory(device);
}

/** Returns cached, unused memory to the device. */
export function emptyCache(): void {
  bridge().cudaEmptyCache();
}

/** A point in the work queued on a device, to measure how long the device takes from one to another. */
export class Event {
  #event: unknown;

  /**
   * Marks the end of what is queued on the device's current stream so far. May be repeated; the last time
   * counts.
   */
  record(device = 0): void {
    this.#event = bridge().recordCudaEvent(device);
  }

  /** Milliseconds from this event to `end`; waits for `end`. @throws if one of them was not recorded */
  elapsedMs(end: Event): number {
    if (this.#event === undefined || end.#event === undefined) {
      throw new Error(
        "Event.elapsedMs: expected two recorded events, got one that is not. Call record() on both first.",
      );
    }
    return bridge().cudaElapsedMs(this.#event, end.#event);
  }
}
