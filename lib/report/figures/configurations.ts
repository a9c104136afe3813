import { isDeepStrictEqual } from "node:util";
import type { Run } from "../run.js";

/** Finished runs that differ in their seed only. */
export interface Configuration {
  readonly method: string;
  readonly protocol: "x-tail" | "mtil";
  /** In the order in which they are learned. */
  readonly datasets: readonly string[];
  readonly holdOuts: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly runs: readonly [Run, ...Run[]];
}

/** Groups finished runs; where a seed is there twice, the first run of it counts. */
export function configurations(runs: readonly Run[], method: string): Configuration[] {
  const groups = new Map<string, [Run, ...Run[]]>();
  for (const run of runs) {
    if (run.metrics === undefined || run.info.method !== method) continue;
    const key = JSON.stringify({ ...settingOf(run), options: run.info.config.options });
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [run]);
    else if (group.every(({ info }) => info.seed !== run.info.seed)) group.push(run);
  }
  return Array.from(groups.values(), (group) => {
    const { protocol, datasets, holdOuts } = settingOf(group[0]);
    const options = (group[0].info.config.options ?? {}) as Record<string, unknown>;
    return { method, protocol, datasets, holdOuts, options, runs: group };
  });
}

/**
 * Those among `candidates` that differ from a configuration in nothing but some of the named options; it is
 * one of them.
 */
export function variants(
  { runs, options }: Configuration,
  candidates: readonly Configuration[],
  names: readonly string[],
): Configuration[] {
  const others = (all: Configuration["options"]) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)));
  return candidates.filter(
    (candidate) =>
      isDeepStrictEqual(settingOf(candidate.runs[0]), settingOf(runs[0])) &&
      isDeepStrictEqual(others(candidate.options), others(options)),
  );
}

/**
 * The configuration that studies vary: more others differ from it in one of the `studies` alone than from any
 * other. A study is a group of option names. Among equals, more seeds win, then the first.
 */
export function mainConfiguration(
  candidates: readonly Configuration[],
  studies: readonly (readonly string[])[],
): Configuration | undefined {
  const neighbours = (configuration: Configuration) =>
    studies.reduce((count, names) => count + variants(configuration, candidates, names).length, 0);
  return candidates
    .map((configuration) => ({ configuration, count: neighbours(configuration) }))
    .toSorted((a, b) => b.count - a.count || b.configuration.runs.length - a.configuration.runs.length)[0]
    ?.configuration;
}

/** Which matrices a configuration adapts, in words. */
export function location({ options }: Configuration): string {
  const { encoders, targets } = options as { encoders?: string; targets?: string[] };
  const chosen = new Set(targets);
  const has = (...names: string[]) => names.every((name) => chosen.has(name));
  const [attention, mlp] = [has("q", "k", "v", "o"), has("fc", "proj")];
  const parts = [attention && "attention", mlp && "MLP"].filter(Boolean);
  const isNamed = chosen.size === (attention ? 4 : 0) + (mlp ? 2 : 0);
  return `${encoders === "both" ? "vision + text" : encoders}, ${isNamed ? parts.join(" + ") : [...chosen].join(" ")}`;
}

/** `codyra, X-TAIL, seeds 1, 2, 3`. */
export function describeConfiguration({ method, protocol, runs }: Configuration): string {
  const seeds = runs
    .map(({ info }) => info.seed)
    .toSorted((a, b) => a - b)
    .join(", ");
  return `${method}, ${protocol.toUpperCase()}, seed${runs.length > 1 ? "s" : ""} ${seeds}`;
}

function settingOf({ info }: Run) {
  const names = (datasets: readonly { name: string }[]) => datasets.map(({ name }) => name);
  const { model, shots } = info.config;
  const [datasets, holdOuts] = [names(info.datasets), names(info.holdOuts ?? [])];
  return { protocol: info.protocol, datasets, holdOuts, model, shots };
}
