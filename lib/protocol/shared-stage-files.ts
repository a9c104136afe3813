import * as torch from "../torch/index.js";
import type { StageStore } from "./stage-files.js";

const { broadcastObject, broadcastTensors } = torch.distributed;

/**
 * The stages of a run of several processes, whose states are equal. The first one writes its own and sends
 * the states that it reads, so that any number of processes goes on.
 */
export class SharedStageFiles implements StageStore {
  readonly #files: StageStore | undefined;

  /** @param files those of the first process */
  constructor(files: StageStore | undefined) {
    this.#files = files;
  }

  read(index: number): ReturnType<StageStore["read"]> {
    const own = this.#files && attempt(this.#files, index);
    const { stage, failure } = broadcastObject({ stage: own?.found?.stage, failure: own?.failure });
    if (failure !== undefined) throw new Error(failure);
    if (stage === undefined) return undefined;
    const tensors = broadcastTensors(own?.found?.state.tensors ?? new Map());
    return { stage, state: { tensors, data: stage.data } };
  }

  write(...saved: Parameters<StageStore["write"]>): Promise<void> {
    return this.#files?.write(...saved) ?? Promise.resolve();
  }

  close(): Promise<void> {
    return this.#files?.close() ?? Promise.resolve();
  }
}

/** Reads a state, or tells why it is damaged: all processes then leave it aside alike. */
function attempt(
  files: StageStore,
  index: number,
): { readonly found?: ReturnType<StageStore["read"]>; readonly failure?: string } {
  try {
    return { found: files.read(index) };
  } catch (error) {
    return { failure: (error as Error).message };
  }
}
