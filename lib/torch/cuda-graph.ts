import { checkOptions } from "../options/index.js";
import { bridge } from "./bridge.js";
import { CapturedParts, type CapturedStep, type Recorder, type StepPart } from "./captured-step.js";

/** How work on a GPU is recorded. */
export interface CaptureOptions {
  /** Runs before the one that is recorded: libraries set themselves up in them. Default: 3. */
  readonly warmUp?: number;
  readonly device?: number;
}

export interface CapturePartsOptions extends CaptureOptions {
  /**
   * Has several processes record all or none: given why recording failed here, if it did, says why it counts
   * as failed. Called once, at the same replay everywhere. Default: the same.
   */
  readonly agree?: (reason: string | undefined) => string | undefined;
}

/**
 * Lets a step become a CUDA graph: the device's work of it, which one launch runs again. This saves the time
 * the host takes to queue its operators. Every tensor that the step uses must stay where it is, so new inputs
 * are copied into the old ones. The step may not wait for the device. Where it cannot be captured, `replay`
 * goes on running the step itself.
 * @param step nothing is run before the first `replay`. When it is recorded its JavaScript runs, but nothing
 * on the device
 * @throws if there is no such CUDA device
 */
export function capture<T>(step: () => T, options: CaptureOptions = {}): CapturedStep<T> {
  checkOptions(options, { warmUp: true, device: true }, "capture");
  return captureParts([{ run: step }], options) as CapturedStep<T>;
}

/**
 * Lets a step become several graphs and what runs between them, such as the collectives of several processes.
 * When it is recorded, those between are left out: parts must not depend on what they return.
 * @throws if there is no such CUDA device
 */
export function captureParts(
  parts: readonly StepPart[],
  options: CapturePartsOptions = {},
): CapturedStep<unknown> {
  checkOptions(options, { warmUp: true, device: true, agree: true }, "captureParts");
  const { warmUp = 3, device = 0, agree = (reason) => reason } = options;
  bridge().cudaSynchronize(device);
  return new CapturedParts(parts, graphRecorder(device), { warmUp, agree });
}

/** Records CUDA graphs, each with memory of its own. */
function graphRecorder(device: number): Recorder {
  return {
    // libtorch does not record on the default stream; what it sets up for a stream, such as workspaces,
    // should be there before.
    aside(body) {
      bridge().enterCudaSideStream(device);
      try {
        return body();
      } finally {
        bridge().leaveCudaSideStream();
      }
    },
    // What warming up took would lie beside the memory of graphs unused.
    prepare() {
      bridge().cudaSynchronize(device);
      bridge().cudaEmptyCache();
    },
    record(work) {
      const graph = bridge().beginCudaGraph(device);
      const result = recordInto(graph, work);
      return {
        result,
        replay: () => bridge().replayCudaGraph(graph),
        dispose: () => bridge().releaseCudaGraph(graph),
      };
    },
  };
}

function recordInto<R>(graph: unknown, work: () => R): R {
  try {
    const result = work();
    bridge().endCudaGraph(graph);
    return result;
  } catch (error) {
    bridge().abandonCudaGraph(graph);
    throw error;
  }
}
