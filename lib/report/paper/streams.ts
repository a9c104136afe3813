import { isDeepStrictEqual } from "node:util";
import { checkOptions } from "../../options/index.js";
import { type Configuration, configurations, mainConfiguration } from "../figures/configurations.js";
import { studies } from "../figures/studies.js";
import type { Run } from "../run.js";
import { flattenSettings } from "../settings.js";
import { type Benchmark, benchmarkOf } from "./benchmark.js";

/** Finished runs over the same datasets in the same order: one configuration for each method. */
export interface Stream {
  readonly protocol: Configuration["protocol"];
  readonly datasets: readonly string[];
  /** That all runs started from, as its configuration names it. */
  readonly model: string;
  /** Empty unless all runs have some. */
  readonly holdOuts: readonly string[];
  /** `undefined` for datasets of one's own. */
  readonly benchmark: Benchmark | undefined;
  readonly methods: ReadonlyMap<string, Configuration>;
  /** Configurations that take no part, in words. */
  readonly leftOut: readonly { readonly method: string; readonly text: string }[];
}

/**
 * The streams of at least two datasets among runs: the paper's first, then by the number of methods. If a
 * method was run with several configurations, the one with the options of the benchmark counts. Among several
 * such, it is the one that ablations start from.
 * @param options `withHoldOuts`: only runs with hold-outs, apart by these; otherwise hold-outs make no
 * difference
 */
export function findStreams(
  runs: readonly Run[],
  options: { readonly withHoldOuts?: boolean } = {},
): Stream[] {
  checkOptions(options, { withHoldOuts: true }, "findStreams");
  const { withHoldOuts = false } = options;
  const groups = new Map<string, Configuration[]>();
  for (const method of new Set(runs.map(({ info }) => info.method))) {
    for (const configuration of configurations(runs, method)) {
      const { protocol, datasets, holdOuts } = configuration;
      if (datasets.length < 2 || (withHoldOuts && holdOuts.length === 0)) continue;
      const { model, shots } = configuration.runs[0].info.config;
      const key = JSON.stringify([protocol, datasets, model, shots, withHoldOuts ? holdOuts : []]);
      groups.set(key, [...(groups.get(key) ?? []), configuration]);
    }
  }
  const streams = Array.from(groups.values(), (candidates) =>
    toStream(candidates as [Configuration, ...Configuration[]]),
  );
  const rank = ({ benchmark, methods }: Stream) => (benchmark?.isPaper ? 1e6 : 0) + methods.size;
  return streams.toSorted((a, b) => rank(b) - rank(a));
}

function toStream(candidates: [Configuration, ...Configuration[]]): Stream {
  const [{ protocol, datasets, holdOuts: first }] = candidates;
  const holdOuts = candidates.every((each) => each.holdOuts.length > 0) ? first : [];
  const benchmark = benchmarkOf(candidates[0]);
  const model = String(candidates[0].runs[0].info.config.model);
  const methods = new Map<string, Configuration>();
  const leftOut: Stream["leftOut"][number][] = [];
  for (const method of new Set(candidates.map((each) => each.method))) {
    const all = candidates.filter((each) => each.method === method);
    const wanted = benchmark?.methods[method] ?? {};
    const fitting = all.filter(({ options }) => holds(options, wanted));
    const chosen = mainConfiguration(
      fitting,
      studies.map((study) => study.options),
    );
    if (chosen) methods.set(method, chosen);
    const others = all.filter(({ options }) => !isDeepStrictEqual(options, chosen?.options));
    if (chosen === undefined) leftOut.push({ method, text: describe(method, undefined, all) });
    else if (others.length > 0) leftOut.push({ method, text: describe(method, chosen, others) });
  }
  return { protocol, datasets, model, holdOuts, benchmark, methods, leftOut };
}

function describe(
  method: string,
  chosen: Configuration | undefined,
  others: readonly Configuration[],
): string {
  const count = `${others.length} configuration${others.length === 1 ? "" : "s"} of ${method}`;
  if (chosen === undefined) return `${count} with options other than the benchmark's`;
  const settings = flattenSettings(chosen.options);
  const differing = new Set(
    others.flatMap(({ options }) => {
      const other = flattenSettings(options);
      return Object.keys({ ...settings, ...other }).filter((name) => other[name] !== settings[name]);
    }),
  );
  return `${count} with other ${[...differing].join(", ")}`;
}

/** Whether `found` has everything wanted, and perhaps more. */
function holds(found: unknown, wanted: unknown): boolean {
  if (!isGroup(found) || !isGroup(wanted)) return isDeepStrictEqual(found, wanted);
  return Object.entries(wanted).every(([key, value]) => holds(found[key], value));
}

function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
