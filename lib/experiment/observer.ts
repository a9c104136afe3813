import type { Task } from "../data/index.js";
import type { RunObserver } from "../protocol/index.js";
import { brokenLimits, type GuardRecord, mean, type RunEvent } from "../records/index.js";

/** Told of work as people read it: one thing at a time, each under its label. */
export interface WorkObserver {
  /** Begins something; what was going on before is finished. */
  start(label: string): void;
  /** @param note a few words, such as the loss */
  update(done: number, total: number, note?: string): void;
  /** Ends what was begun. @param result the outcome in a few words */
  finish(result?: string): void;
  /** A line by itself, such as a warning. */
  say(line: string): void;
}

/**
 * Told of an experiment, each part as far as it is of interest: the work as lines for people, and the run
 * itself.
 */
export type ExperimentObserver = Partial<WorkObserver> & RunObserver;

/** An observer of work that is complete. */
export function workObserver(observer: Partial<WorkObserver> = {}): WorkObserver {
  return {
    start: (label) => observer.start?.(label),
    update: (done, total, note) => observer.update?.(done, total, note),
    finish: (result) => observer.finish?.(result),
    say: (line) => observer.say?.(line),
  };
}

export interface CloseCallCounts {
  readonly images: number;
  readonly confirmed: number;
  readonly changed: number;
}

function isOfCloseCalls(event: RunEvent): event is RunEvent & { readonly closeCalls: CloseCallCounts } {
  return event.closeCalls !== undefined;
}

/** The line on close calls of an evaluation in bfloat16. */
export function describeCloseCalls({ images, confirmed, changed }: CloseCallCounts): string {
  return `evaluated in bf16: ${confirmed} of ${images} images were close calls and encoded again, ${changed} of them changed class.`;
}

/** A line on the limits, and one on the index where a limit is broken. */
function describeGuard(found: GuardRecord): string[] {
  if (!found.isBroken) return ["guard: no limit is broken."];
  return [
    `guard: after ${found.dataset}, limits are broken: ${brokenLimits(found)}. The task is kept, and marked.`,
    ...(found.advice === undefined ? [] : [found.advice]),
  ];
}

/** Tells a run as work, one line per task, and passes everything on. */
export function observeRun(
  method: string,
  tasks: readonly Task[],
  work: WorkObserver,
  observer: RunObserver = {},
): RunObserver {
  const width = Math.max(...tasks.map((task) => task.name.length));
  const label = (index: number, what: string): string =>
    `${method.padEnd(10)} ${`${index + 1}/${tasks.length}`.padStart(5)}  ${what.padEnd(width)}`;
  work.start(label(-1, "zero-shot"));
  return {
    logged(event) {
      if (isOfCloseCalls(event)) work.say(`  ${describeCloseCalls(event.closeCalls)}`);
      observer.logged?.(event);
    },
    warn(message) {
      work.say(`  ${message}`);
      observer.warn?.(message);
    },
    taskStarted(index, task) {
      work.start(label(index, task.name));
      observer.taskStarted?.(index, task);
    },
    trained(done, total, loss) {
      work.update(done, total, `loss ${loss.toFixed(3)}`);
      observer.trained?.(done, total, loss);
    },
    worked(what, done, total) {
      work.update(done, total, what);
      observer.worked?.(what, done, total);
    },
    evaluated(done, total) {
      work.update(done, total, "evaluating");
      observer.evaluated?.(done, total);
    },
    guarding(what) {
      work.update(0, 1, what);
      observer.guarding?.(what);
    },
    guarded(index, found) {
      for (const line of describeGuard(found)) work.say(`  ${line}`);
      observer.guarded?.(index, found);
    },
    taskFinished(index, accuracies) {
      work.finish(`mean accuracy ${(100 * (mean(accuracies) ?? 0)).toFixed(1)} %`);
      observer.taskFinished?.(index, accuracies);
    },
  };
}
