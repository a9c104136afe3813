import { type MeanAndStd, meanAndStd } from "../figures/statistics.js";
import type { Run } from "../run.js";
import { type Benchmark, paperBenchmark } from "./benchmark.js";
import type { ComparedRow, MissingRuns } from "./paper-table.js";
import { printedTables } from "./printed.js";
import type { Stream } from "./streams.js";

type Values = readonly (number | undefined)[];

/** The row of a method: what its runs in the stream give, and the printed percentages. */
export function compare(
  stream: Stream | undefined,
  method: string,
  values: (run: Run) => Values,
  printed: Values = [],
): ComparedRow {
  const runs = stream?.methods.get(method)?.runs ?? [];
  return {
    method,
    label: runs[0]?.info.methodLabel ?? printedTables().labels[method] ?? method,
    seeds: runs.map(({ info }) => info.seed),
    ours: overRuns(runs.map(values)),
    paper: printed.map((value) => (value === undefined ? undefined : value / 100)),
  };
}

/** The benchmark of a stream; without runs, the paper's. */
export function benchmarkFor(
  stream: Stream | undefined,
  protocol: Stream["protocol"],
): Benchmark | undefined {
  return stream ? stream.benchmark : paperBenchmark(protocol);
}

/**
 * The listed methods, those without runs only where a benchmark says how to make them, then the others that
 * were run.
 */
export function rowMethods(
  stream: Stream | undefined,
  listed: readonly string[],
  benchmark: Benchmark | undefined,
): string[] {
  const run = [...(stream?.methods.keys() ?? [])];
  return [
    ...listed.filter((method) => benchmark !== undefined || run.includes(method)),
    ...[...new Set([...Object.keys(benchmark?.methods ?? {}), ...run])].filter(
      (method) => run.includes(method) && !listed.includes(method),
    ),
  ];
}

/** The seeds of a benchmark that rows lack. */
export function missingRuns(
  rows: readonly ComparedRow[],
  benchmark: Benchmark | undefined,
  over?: Pick<Stream, "datasets" | "holdOuts">,
): MissingRuns[] {
  if (benchmark === undefined) return [];
  return rows.flatMap(({ method, label, seeds: found }) => {
    const seeds = benchmark.seeds.filter((seed) => !found.includes(seed));
    const [seed] = seeds;
    return seed === undefined
      ? []
      : [
          {
            label,
            seeds,
            command: benchmark.command({ method, seed, datasets: over?.datasets, holdOuts: over?.holdOuts }),
          },
        ];
  });
}

/** Describes the numbers, for captions. */
export function describeNumbers(stream: Stream | undefined, benchmark: Benchmark | undefined): string {
  return [
    "Mean ± standard deviation over seeds.",
    stream && `Model: ${stream.model}.`,
    benchmark?.isPaper && "Paper: arXiv:2412.01004, CLIP ViT-B/16.",
  ]
    .filter(Boolean)
    .join(" ");
}

export function describeLeftOut(stream: Stream | undefined, methods?: readonly string[]): string[] {
  const shown =
    stream?.leftOut.filter(({ method }) => methods === undefined || methods.includes(method)) ?? [];
  return shown.map(({ text }) => `Left out: ${text}.`);
}

function overRuns(values: readonly Values[]): (MeanAndStd | undefined)[] {
  return (values[0] ?? []).map((_, j) => {
    const known = values.flatMap((row) => row[j] ?? []);
    return known.length === 0 ? undefined : meanAndStd(known);
  });
}
