import { isDeepStrictEqual } from "node:util";
import type { Run } from "./run.js";
import { flattenSettings } from "./settings.js";

/** Runs that differ in their seed only. */
export interface RunGroup {
  /** The method, with what tells several groups of one method apart. */
  label: string;
  runs: Run[];
}

/** More settings than these are told apart by the run's name. */
const MAX_SETTINGS_IN_LABEL = 3;

/** Puts the seeds of the same method and configuration together, in the order in which they come. */
export function groupRuns(runs: Run[]): RunGroup[] {
  const groups: [Run, ...Run[]][] = [];
  for (const run of runs) {
    const group = groups.find((others) => isOtherSeed(run, others));
    if (group) group.push(run);
    else groups.push([run]);
  }
  const labels = groups.map(([run]) => {
    const rivals = groups.map(([first]) => first).filter(({ info }) => info.method === run.info.method);
    return labelAmong(run, rivals);
  });
  return groups.map((runs, i) => {
    const label = labels[i] as string;
    const isUnique = labels.indexOf(label) === labels.lastIndexOf(label);
    return { label: isUnique ? label : `${label} (${runs[0].info.name})`, runs };
  });
}

function isOtherSeed({ info }: Run, [first, ...others]: [Run, ...Run[]]): boolean {
  return (
    first.info.method === info.method &&
    isDeepStrictEqual(first.info.config, info.config) &&
    [first, ...others].every((other) => other.info.seed !== info.seed)
  );
}

function labelAmong({ info }: Run, rivals: Run[]): string {
  const settings = flattenSettings(info.config);
  const others = rivals.map((rival) => flattenSettings(rival.info.config));
  const telling = [...new Set([settings, ...others].flatMap(Object.keys))].filter((key) =>
    others.some((other) => other[key] !== settings[key]),
  );
  if (telling.length > MAX_SETTINGS_IN_LABEL) return `${info.method} (${info.name})`;
  return [info.method, ...telling.map((key) => `${key.split(".").at(-1)} ${settings[key] ?? "–"}`)].join(
    ", ",
  );
}
