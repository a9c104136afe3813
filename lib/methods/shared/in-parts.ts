import { setImmediate } from "node:timers/promises";
import * as torch from "../../torch/index.js";
import { type StageState, unsavedStage } from "./stage.js";
import type { RunContext } from "./types.js";

/** The part of a context that such work needs. */
export type PartsContext = Pick<RunContext, "signal" | "stage" | "worked">;

/**
 * Long work beside training, part by part in a scope each. Between two parts a run can be stopped, and is
 * told how far this is.
 * @param what for people, such as `choosing exemplars`
 * @param state that of a stage of the task, which goes on where it was; default: it is done again
 * @throws if the run is aborted
 */
export async function inParts(
  { signal, stage, worked }: PartsContext,
  what: string,
  parts: number,
  work: (part: number) => void,
  state?: StageState,
): Promise<void> {
  const { done, reached } = state === undefined ? unsavedStage() : stage(what, parts, state);
  for (let part = done; part < parts; part++) {
    signal.throwIfAborted();
    torch.scope(() => work(part));
    worked(what, part + 1, parts);
    await setImmediate(); // signals, timers and progress get their time
    await reached(part + 1);
  }
}
