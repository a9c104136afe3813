import { checkOptions } from "../options/index.js";
import { bridge } from "./bridge.js";
import { scope, unscoped } from "./scope.js";

/** A step that is run again and again. */
export interface CapturedStep<T> {
  /**
   * Runs the step: operator by operator while it warms up, then as a graph. A graph returns the very tensors
   * that were made while it was recorded, with new values. Read or copy them before the next replay, and
   * leave disposing to `dispose`.
   */
  replay(): T;
  /** Whether `replay` launches a graph from now on. */
  readonly isCaptured: boolean;
  /** Why the step could not be captured; undefined if it is, and before that was tried. */
  readonly reason: string | undefined;
  /** Frees the memory of the graph. The tensors that `replay` returned must not be used any more. */
  dispose(): void;
}

export interface CaptureOptions {
  /** Runs before the one that is recorded: libraries set themselves up in them. Default: 3. */
  readonly warmUp?: number;
  readonly device?: number;
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
  const { warmUp = 3, device = 0 } = options;
  bridge().cudaSynchronize(device);
  return new Capture(step, warmUp, device);
}

class Capture<T> implements CapturedStep<T> {
  #runs = 0;
  #recorded: { readonly graph: unknown; readonly result: T } | undefined;
  #reason: string | undefined;

  constructor(
    private readonly step: () => T,
    private readonly warmUp: number,
    private readonly device: number,
  ) {}

  get isCaptured(): boolean {
    return this.#recorded !== undefined;
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  replay(): T {
    if (this.#recorded === undefined && this.#reason === undefined) {
      // libtorch does not record on the default stream; what it sets up for a stream, such as workspaces,
      // should be there before.
      if (this.#runs++ < this.warmUp) return this.#onSideStream(this.step);
      this.#onSideStream(() => this.#record());
    }
    if (this.#recorded === undefined) return this.step();
    bridge().replayCudaGraph(this.#recorded.graph);
    return this.#recorded.result;
  }

  dispose(): void {
    if (this.#recorded !== undefined) bridge().releaseCudaGraph(this.#recorded.graph);
    this.#recorded = undefined;
    this.#reason ??= "it was disposed of";
  }

  #onSideStream<R>(body: () => R): R {
    bridge().enterCudaSideStream(this.device);
    try {
      return body();
    } finally {
      bridge().leaveCudaSideStream();
    }
  }

  #record(): void {
    // A graph has memory of its own: what warming up took would lie beside it unused.
    bridge().cudaSynchronize(this.device);
    bridge().cudaEmptyCache();
    try {
      const graph = bridge().beginCudaGraph(this.device);
      this.#recorded = { graph, result: this.#recordInto(graph) };
    } catch (error) {
      this.#reason = (error as Error).message;
    }
  }

  #recordInto(graph: unknown): T {
    try {
      const result = unscoped(() => scope(this.step));
      bridge().endCudaGraph(graph);
      return result;
    } catch (error) {
      bridge().abandonCudaGraph(graph);
      throw error;
    }
  }
}
