import { bridge, type DeviceMemory } from "./bridge.js";

/** The libtorch that the addon runs on, such as `2.13.0`. */
export function version(): string {
  return bridge().version();
}

/** Threads that one operator may use on the CPU. */
export function numThreads(): number {
  return bridge().numThreads();
}

export function setNumThreads(threads: number): void {
  bridge().setNumThreads(threads);
}

/** Tensors that JavaScript holds right now and the bytes of memory they keep alive. Tests for leaks compare it before and after. */
export function memoryStatistics(): { liveTensors: number; liveBytes: number } {
  return bridge().memoryStatistics();
}

/** CUDA devices; `synchronize`, `memory` and `resetPeakMemory` throw where there are none. */
export const cuda = {
  isAvailable: (): boolean => bridge().cudaDeviceCount() > 0,
  /** Zero without CUDA. */
  deviceCount: (): number => bridge().cudaDeviceCount(),
  /** Waits until all work queued on the device is done. */
  synchronize: (device = 0): void => bridge().cudaSynchronize(device),
  memory: (device = 0): DeviceMemory => bridge().cudaMemory(device),
  resetPeakMemory: (device = 0): void => bridge().cudaResetPeakMemory(device),
  /** Returns cached, unused memory to the device. */
  emptyCache: (): void => bridge().cudaEmptyCache(),
} as const;
