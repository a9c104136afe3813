import { bridge } from "./bridge.js";

/** The libtorch that the addon runs on, such as `2.13.0`. */
export function version(): string {
  return bridge().version();
}

/** Threads that one operator may use on the CPU. */
export function numThreads(): number {
  return bridge().numThreads();
}

/** Sets how many threads one operator may use on the CPU. @throws unless it is from 1 to 4096 */
export function setNumThreads(threads: number): void {
  bridge().setNumThreads(threads);
}

/**
 * Tensors that JavaScript holds right now and the bytes of memory they keep alive. Tests for leaks compare it
 * before and after.
 */
export function memoryStatistics(): { liveTensors: number; liveBytes: number } {
  return bridge().memoryStatistics();
}
