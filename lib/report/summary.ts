import { mean } from "../protocol/metrics.js";
import type { Run } from "./run.js";

/** Below this, a fraction prints as 0.0 percent. */
const ROUNDS_TO_ZERO = 0.0005;

/** What a finished stream changed, as fractions; `undefined` where zero-shot accuracy or a second task is missing. */
export interface Outcome {
  last: number;
  forgotten: number | undefined;
  /** Last minus zero-shot accuracy, mean over all datasets. */
  gained: number | undefined;
  /** Transfer minus zero-shot accuracy, mean over all datasets but the first. */
  transferChange: number | undefined;
}

/** `undefined` while the stream is not finished. */
export function outcome({ accuracy, metrics }: Run): Outcome | undefined {
  if (metrics?.last.overall === undefined) return undefined;
  const { zeroShot } = accuracy;
  const change = (after: number | undefined, before: number | undefined) =>
    after === undefined || before === undefined ? undefined : after - before;
  return {
    last: metrics.last.overall,
    forgotten: metrics.forgetting.overall,
    gained: change(metrics.last.overall, zeroShot && mean(zeroShot)),
    transferChange: change(metrics.transfer.overall, zeroShot && mean(zeroShot.slice(1))),
  };
}

/** What a run gained and what it forgot, in words. */
export function describeRun(run: Run): string {
  const { datasets, matrix } = run.accuracy;
  const result = outcome(run);
  if (result === undefined)
    return `Not finished: ${matrix.length} of ${plural(datasets.length, "dataset")} learned so far.`;
  const reached = `${percent(result.last)} on average over ${plural(datasets.length, "dataset")}`;
  if (run.info.trainableParameters === 0) return `Nothing is trained: ${reached}.`;
  const { gained, forgotten, transferChange } = result;
  const end = `Ends at ${reached}${gained === undefined ? "" : `, ${compared(gained)}`}.`;
  const forgetting = forgotten === undefined ? "" : ` ${forgettingClause(forgotten)}.`;
  const before =
    transferChange === undefined
      ? ""
      : ` Before it learns a dataset, it is ${compared(transferChange)} there.`;
  return end + forgetting + before;
}

/** The headline: which run ends highest with what it gained and forgot, against the one that forgets most. */
export function describeRuns(runs: Run[], labels: string[]): string {
  const [only, ...more] = runs;
  if (only && more.length === 0) return describeRun(only);
  const finished = runs.flatMap((run, i) => {
    const result = outcome(run);
    return result ? [{ ...result, label: labels[i] as string }] : [];
  });
  const [best, ...others] = finished.toSorted((a, b) => b.last - a.last);
  if (best === undefined) return "No run has finished yet.";
  const { last, gained, forgotten = 0 } = best;
  const comparison = gained === undefined ? "" : `, ${compared(gained)}`;
  const lost =
    best.forgotten === undefined
      ? ""
      : `, and forgot ${forgotten < ROUNDS_TO_ZERO ? "nothing" : points(forgotten)}`;
  const worst = others.toSorted((a, b) => (b.forgotten ?? 0) - (a.forgotten ?? 0))[0];
  const contrast =
    worst?.forgotten !== undefined && worst.forgotten > Math.max(ROUNDS_TO_ZERO, forgotten)
      ? ` ${worst.label} forgot ${points(worst.forgotten)}.`
      : "";
  return `${best.label} ends highest, at ${percent(last)} on average${comparison}${lost}.${contrast}`;
}

function forgettingClause(forgotten: number): string {
  if (isZero(forgotten)) return "It forgets nothing it learned";
  if (forgotten < 0) return `What it learned improves by a further ${points(-forgotten)}`;
  return `It forgets ${points(forgotten)} of what it learned`;
}

function compared(difference: number): string {
  if (isZero(difference)) return "as good as zero-shot";
  return `${points(Math.abs(difference))} ${difference > 0 ? "above" : "below"} zero-shot`;
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}

function points(fraction: number): string {
  return plural((100 * fraction).toFixed(1), "point");
}

function plural(n: number | string, noun: string): string {
  return `${n} ${noun}${Number(n) === 1 ? "" : "s"}`;
}

function isZero(fraction: number): boolean {
  return Math.abs(fraction) < ROUNDS_TO_ZERO;
}
