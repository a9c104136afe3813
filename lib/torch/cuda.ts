import { bridge, type DeviceMemory } from "./bridge.js";
import { scope, unscoped } from "./scope.js";

/** Whether there is a CUDA device. Where there is none, all functions here that take a device throw. */
export function isAvailable(): boolean {
  return deviceCount() > 0;
}

/** Zero without CUDA. */
export function deviceCount(): number {
  return bridge().cudaDeviceCount();
}

/** Waits until all work queued on the device is done. */
export function synchronize(device = 0): void {
  bridge().cudaSynchronize(device);
}

/** Bytes on the device: held by tensors now and at most since `resetPeakMemory`, reserved by libtorch, free, and in all. */
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

  /** Marks the end of what is queued on the device's current stream so far. May be repeated; the last time counts. */
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

/** A step that can be run again and again. */
export interface CapturedStep<T> {
  /**
   * Runs the step. If it is captured, the result is the very tensors that were made while it was recorded, with new values: read or copy
   * them before the next replay, and leave disposing to `dispose`.
   */
  replay(): T;
  /** Why the step runs operator by operator; undefined if it is captured. */
  readonly reason: string | undefined;
  /** Frees the memory of the graph. The tensors that `replay` returned must not be used any more. */
  dispose(): void;
}

/**
 * Records the device's work of a step as a CUDA graph, which one launch runs again: the time the host takes to queue its operators is saved.
 * Every tensor that the step uses must stay where it is, so new inputs are copied into the old ones; and the step may not wait for the device.
 * Where it cannot be captured, `replay` runs the step itself.
 * @param step runs `warmUp` times before it is recorded, each of which counts; recording runs its JavaScript but nothing on the device
 * @throws where there is no CUDA device, and whatever the step throws while it warms up
 */
export function capture<T>(
  step: () => T,
  options: { warmUp?: number; device?: number } = {},
): CapturedStep<T> {
  const { warmUp = 3, device = 0 } = options;
  bridge().enterCudaSideStream(device); // libtorch does not record on the default stream
  try {
    for (let i = 0; i < warmUp; i++) runOnce(step);
    synchronize(device);
    return record(step, device);
  } finally {
    bridge().leaveCudaSideStream();
  }
}

/** The result is released. */
function runOnce(step: () => unknown): void {
  scope(() => {
    step();
  });
}

function record<T>(step: () => T, device: number): CapturedStep<T> {
  let graph: unknown;
  try {
    graph = bridge().beginCudaGraph(device);
    const result = recordResult(step, graph);
    bridge().endCudaGraph(graph);
    return {
      replay: () => {
        bridge().replayCudaGraph(graph);
        return result;
      },
      reason: undefined,
      dispose: () => bridge().releaseCudaGraph(graph),
    };
  } catch (error) {
    return { replay: step, reason: (error as Error).message, dispose: () => {} };
  }
}

function recordResult<T>(step: () => T, graph: unknown): T {
  try {
    return unscoped(() => scope(step));
  } catch (error) {
    bridge().abandonCudaGraph(graph);
    throw error;
  }
}
