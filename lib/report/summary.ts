import { known, mean } from "../records/index.js";
import { describeMatrices } from "./changed-matrices.js";
import type { RunGroup } from "./groups.js";
import { rankChanges } from "./rank-changes.js";
import type { Run } from "./run.js";
import { capitalized, isZero, percent, plural, points, sentences } from "./wording.js";

/**
 * Changes by a finished stream, as fractions; `undefined` where zero-shot accuracy or a second task is
 * missing.
 */
export interface Outcome {
  last: number;
  forgotten: number | undefined;
  /** Last minus zero-shot accuracy, mean over all datasets. */
  gained: number | undefined;
  /** Transfer minus zero-shot accuracy, mean over all datasets but the first. */
  transferChange: number | undefined;
}

/** The findings in words, one or more sentences each; empty where nothing is known. */
export interface Summary {
  gained: string;
  forgotten: string;
  /** Changes in the model. */
  changed: string;
}

/** `undefined` while the stream is not finished. */
export function outcome({ accuracy, metrics }: Run): Outcome | undefined {
  if (metrics?.last.overall === undefined) return undefined;
  const { zeroShot } = accuracy;
  return {
    last: metrics.last.overall,
    forgotten: metrics.forgetting.overall,
    gained: difference(metrics.last.overall, zeroShot && mean(known(zeroShot))),
    transferChange: difference(metrics.transfer.overall, zeroShot && mean(known(zeroShot.slice(1)))),
  };
}

/** Gains, losses and changed matrices of a method; means of its finished seeds. */
export function describeGroup(group: RunGroup): Summary {
  const [run] = group.runs as [Run, ...Run[]];
  const { datasets, matrix } = run.accuracy;
  const result = meanOutcome(group);
  if (result === undefined) {
    const learned = `${matrix.length} of ${plural(datasets.length, "dataset")}`;
    return { gained: `Not finished: ${learned} learned so far.`, forgotten: "", changed: "" };
  }
  const { last, gained, forgotten, transferChange } = result;
  const reached = `${percent(last)} on average over ${plural(datasets.length, "dataset")}`;
  if (run.info.trainableParameters === 0 && isZero(gained ?? 0)) {
    return { gained: `Nothing is trained: ${reached}.`, forgotten: "", changed: "" };
  }
  const extremes = datasets.length > 1 ? describeExtremes(group) : undefined;
  return {
    gained: sentences(
      `Ends at ${reached}${gained === undefined ? "" : `, ${compared(gained)}`}.`,
      extremes?.gain,
    ),
    forgotten: sentences(
      forgotten !== undefined && `${forgettingClause(forgotten)}.`,
      extremes?.loss,
      transferChange !== undefined && `Before it learns a dataset, it is ${compared(transferChange)} there.`,
    ),
    changed: capitalized(describeMatrices(group)),
  };
}

/**
 * The headlines: which method ends highest, which forget least and most, and what changed in the best and the
 * best adapted model.
 */
export function describeGroups(groups: RunGroup[]): Summary {
  const [only, ...more] = groups;
  if (only && more.length === 0) return describeGroup(only);
  const finished = groups.flatMap((group) => {
    const result = meanOutcome(group);
    return result ? [{ ...result, group, label: group.label }] : [];
  });
  const ranking = finished.toSorted((a, b) => b.last - a.last);
  const [best] = ranking;
  if (best === undefined) return { gained: "No run has finished yet.", forgotten: "", changed: "" };
  const adapted = ranking.find(({ group }) => rankChanges(group.runs));
  const comparison = best.gained === undefined ? "" : `, ${compared(best.gained)}`;
  return {
    gained: `${best.label} ends highest, at ${percent(best.last)} on average${comparison}.`,
    forgotten: sentences(
      best.forgotten !== undefined && `${best.label} forgot ${amount(best.forgotten)}.`,
      describeForgetting(finished.filter(({ group }) => isTrained(group))),
    ),
    changed: sentences(
      `In ${best.label}, ${describeMatrices(best.group)}`,
      adapted && adapted !== best && `In ${adapted.label}, ${describeMatrices(adapted.group)}`,
    ),
  };
}

/** A sentence that compares methods: which ends highest, and how it is on datasets before it learns them. */
export function headline(groups: RunGroup[]): string {
  const finished = groups.flatMap((group) => {
    const result = meanOutcome(group);
    return result ? [{ ...result, label: group.label }] : [];
  });
  const best = finished.toSorted((a, b) => b.last - a.last)[0];
  if (best === undefined) return "No run has finished yet.";
  const { label, last, gained, transferChange } = best;
  return (
    `${label} ends highest, at ${percent(last)} on average over what was learned` +
    `${gained === undefined ? "" : ` (${compared(gained)})`}` +
    `${transferChange === undefined ? "" : `; on datasets before it learns them, it is ${compared(transferChange)}`}.`
  );
}

function describeForgetting(trained: { label: string; forgotten: number | undefined }[]): string {
  const known = trained.flatMap(({ label, forgotten }) =>
    forgotten === undefined ? [] : [{ label, forgotten }],
  );
  const sorted = known.toSorted((a, b) => a.forgotten - b.forgotten);
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (!least || !most || isZero(most.forgotten - least.forgotten)) return "";
  return `Among the methods that train, ${least.label} forgot least (${amount(least.forgotten)}) and ${most.label} most (${amount(most.forgotten)}).`;
}

/** The datasets with the largest gain over zero-shot, and with the largest loss since they were learned. */
function describeExtremes({ runs }: RunGroup): { gain: string; loss: string } {
  const { datasets } = (runs[0] as Run).accuracy;
  const ofAll = (change: (run: Run, j: number) => number | undefined) =>
    datasets.map((name, j) => ({ name, change: mean(runs.flatMap((run) => change(run, j) ?? [])) ?? 0 }));
  const gains = ofAll(({ metrics, accuracy }, j) =>
    difference(metrics?.last.columns[j], accuracy.zeroShot?.[j] ?? undefined),
  );
  const losses = ofAll(({ metrics }, j) => metrics?.forgetting.columns[j]);
  const [gain] = gains.toSorted((a, b) => b.change - a.change);
  const [loss] = losses.toSorted((a, b) => b.change - a.change);
  const says = (found: typeof gain, words: (name: string, amount: string) => string) =>
    found && found.change > 0 && !isZero(found.change) ? words(found.name, points(found.change)) : "";
  return {
    gain: says(gain, (name, amount) => `Most on ${name}: ${amount} above zero-shot.`),
    loss: says(loss, (name, amount) => `Most on ${name}: ${amount} since it was learned.`),
  };
}

function meanOutcome({ runs }: RunGroup): Outcome | undefined {
  const outcomes = runs.flatMap((run) => outcome(run) ?? []);
  const of = (key: keyof Outcome) => mean(outcomes.flatMap((result) => result[key] ?? []));
  const last = of("last");
  if (last === undefined) return undefined;
  return { last, forgotten: of("forgotten"), gained: of("gained"), transferChange: of("transferChange") };
}

function isTrained({ runs }: RunGroup): boolean {
  return runs.some(({ info }) => info.trainableParameters > 0);
}

function amount(forgotten: number): string {
  return forgotten < 0 || isZero(forgotten) ? "nothing" : points(forgotten);
}

function forgettingClause(forgotten: number): string {
  if (isZero(forgotten)) return "It forgets nothing it learned";
  if (forgotten < 0) return `Learned datasets improve by a further ${points(-forgotten)}`;
  return `It forgets ${points(forgotten)} of what it learned`;
}

function compared(difference: number): string {
  if (isZero(difference)) return "as good as zero-shot";
  return `${points(Math.abs(difference))} ${difference > 0 ? "above" : "below"} zero-shot`;
}

function difference(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : after - before;
}
