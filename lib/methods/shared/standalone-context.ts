import type { DualEncoder } from "../../clip/index.js";
import { unsavedStage } from "./stage.js";
import type { ProtocolName, RunContext } from "./types.js";

/**
 * The context of a method that is used outside of a run: nobody listens to what it reports, nothing is
 * recorded, and nothing stops it.
 */
export function standaloneContext(model: DualEncoder, protocol: ProtocolName): RunContext {
  const nothing = (): void => {};
  return {
    model,
    protocol,
    seed: 0,
    taskIndex: 0,
    learned: [],
    classNames: [],
    signal: new AbortController().signal,
    stage: unsavedStage,
    log: nothing,
    progress: nothing,
    worked: nothing,
    record: nothing,
  };
}
