import type { Task } from "../data/index.js";
import { brokenLimits } from "../records/index.js";
import { type Attempt, secondsSince } from "./attempt.js";

/** Has the guard of a run, if it has one, look at the model after each task. */
export class GuardedTasks {
  readonly #attempt: Attempt;

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
  }

  /** Makes up for the latest row where the run was stopped before its guard, or had none then. */
  async catchUp(t: number): Promise<void> {
    const { options, directory } = this.#attempt;
    const { guard, method, model, observer } = options;
    if (guard === undefined) return;
    if (method.stateAfter !== undefined) {
      observer?.warn?.(
        `The guard measures CLIP's weights alone, and ${method.name} classifies by more: read its accuracies in the matrix.`,
      );
    }
    if (!directory.hasCheckpoint(t) || directory.readGuard(t)) return;
    directory.loadCheckpoint(t, model, method);
    directory.dropEventsFrom(t, "guard");
    await this.look(t);
  }

  /** Looks at the model after a task. The task is kept whatever the guard finds. */
  async look(t: number): Promise<void> {
    const { options, directory, signal } = this.#attempt;
    const { guard, model, observer, tasks } = options;
    if (guard === undefined) return;
    const began = performance.now();
    const onStep = (what: string): void => observer?.guarding?.(what);
    const { name } = tasks[t] as Task;
    const found = { dataset: name, ...(await guard(model, { signal, onStep })) };
    this.#attempt.log({
      kind: "guard",
      task: t,
      dataset: name,
      isBroken: found.isBroken,
      ...(found.isBroken && { broken: brokenLimits(found) }),
      seconds: secondsSince(began),
    });
    directory.recordGuard(t, found); // last: without it, a resumed run comes here again
    observer?.guarded?.(t, found);
  }
}
