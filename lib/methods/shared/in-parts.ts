import { setImmediate } from "node:timers/promises";
import * as torch from "../../torch/index.js";
import type { RunContext } from "./types.js";

/**
 * Long work beside training, part by part in a scope each: between two parts a run can be stopped, and is
 * told how far this is.
 * @param what for people, such as `choosing exemplars`
 * @throws if the run is aborted
 */
export async function inParts(
  { signal, worked }: Pick<RunContext, "signal" | "worked">,
  what: string,
  parts: number,
  work: (part: number) => void,
): Promise<void> {
  for (let part = 0; part < parts; part++) {
    signal.throwIfAborted();
    torch.scope(() => work(part));
    worked(what, part + 1, parts);
    await setImmediate(); // signals, timers and progress get their time
  }
}
