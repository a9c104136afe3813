import { withoutPrefix, withPrefix } from "./named-tensors.js";
import type { MethodState } from "./types.js";

/**
 * Long work of a task, part by part: training, or what comes before and after it. A run that ended within it
 * goes on where it was saved last, in the same bits.
 */
export interface Stage {
  /** Parts that an earlier process did: 0 where the work begins, all of them where it is done. */
  readonly done: number;
  /**
   * Whether this process is asked to stop. Of several processes, work that sums something up in every part
   * sends it along.
   */
  readonly isAsked: boolean;
  /**
   * Says how far the work is after a part.
   * @param isAnyAsked true if some process is asked to stop. Default: the processes tell each other here
   * @returns a promise where there is something to wait for
   * @throws if the run is aborted, after saving what was done
   */
  reached(done: number, isAnyAsked?: boolean): Promise<void> | undefined;
}

/**
 * The state of a stage that must be kept. What its code does before it begins, such as drawing adapters, is
 * done again.
 */
export interface StageState {
  /**
   * @param isDone whether all parts are done. Only tensors that later code reads are needed then, and no
   *   optimiser's moments
   * @returns tensors as they are now; they are copied
   */
  state(isDone: boolean): MethodState;
  /** Takes over what was kept. Copy the tensors: they are views of a file. */
  loadState(state: MethodState): void;
}

/** States side by side, each under its name. What is `undefined` has none. */
export function joinedState(parts: Readonly<Record<string, StageState | undefined>>): StageState {
  const present = Object.entries(parts).flatMap(([name, part]) => (part ? [[name, part] as const] : []));
  return {
    state(isDone) {
      const states = present.map(([name, part]) => [name, part.state(isDone)] as const);
      return {
        tensors: new Map(states.flatMap(([name, { tensors }]) => withPrefix(`${name}/`, tensors))),
        data: Object.fromEntries(states.map(([name, { data }]) => [name, data])),
      };
    },
    loadState({ tensors, data }) {
      for (const [name, part] of present) {
        const own = withoutPrefix(`${name}/`, tensors);
        part.loadState({ tensors: own, data: (data[name] ?? {}) as MethodState["data"] });
      }
    },
  };
}

/** A stage of work that is not saved. */
export function unsavedStage(): Stage {
  return { done: 0, isAsked: false, reached: () => undefined };
}
