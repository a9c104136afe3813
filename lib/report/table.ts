import type { AccuracyMatrix } from "../records/index.js";
import { computeMetrics, holdOutAccuracy } from "../records/index.js";
import { metricDescriptions } from "./metric-descriptions.js";
import { type Run, runLabels } from "./run.js";

/** A table of numbers, by default accuracies (fractions; rounded and shown in percent only when printed). */
export interface Table {
  title: string;
  /** One sentence that says what the numbers are. */
  caption: string;
  rowHeader: string;
  columns: string[];
  rows: TableRow[];
  /** Which value of a column is best, of all columns or of each; `none` where rows are not alternatives. */
  best: Best | readonly Best[];
  /** How the values of a column are printed. Default: `formatPercent`. */
  format?: (value: number, column: number) => string;
}

export interface TableRow {
  label: string;
  values: (number | undefined)[];
  /** Standard deviations, printed after the values. */
  deviations?: (number | undefined)[];
  /**
   * `published` values are ranked among themselves, differences not at all, and `missing` ones are left
   * blank. Default: `measured`.
   */
  kind?: "measured" | "published" | "difference" | "missing";
}

export type Best = "highest" | "lowest" | "none";

export type Mark = "best" | "second" | undefined;

/**
 * One table per metric, and one of hold-outs where there are any: a row per run, a column per dataset, and
 * the mean. Unfinished runs have no values yet.
 * @throws if the runs are not over the same protocol and datasets in the same order
 */
export function metricTables(runs: Run[]): Table[] {
  const datasets = commonDatasets(runs);
  const labels = runLabels(runs);
  const holdOuts = holdOutTable(runs);
  const tables = metricDescriptions.map(({ name, title, caption, best }) => ({
    title: `${title} (${best === "highest" ? "%" : "points"})`,
    caption,
    rowHeader: "Method",
    columns: [...datasets, "Mean"],
    best,
    rows: runs.map(({ metrics }, i) => ({
      label: labels[i] as string,
      values: metrics
        ? [...metrics[name].columns, metrics[name].overall]
        : Array(datasets.length + 1).fill(undefined),
    })),
  }));
  return holdOuts === undefined ? tables : [...tables, holdOuts];
}

/**
 * Accuracy on the datasets that are never trained on: a row per run, a column per hold-out of any of them.
 * The mean is that of runs with all.
 * @returns `undefined` where no run has hold-outs
 */
export function holdOutTable(runs: Run[]): Table | undefined {
  const names = [...new Set(runs.flatMap(({ accuracy }) => accuracy.holdOuts?.datasets ?? []))];
  if (names.length === 0) return undefined;
  const labels = runLabels(runs);
  return {
    title: "Hold-outs (%)",
    caption:
      "Accuracy on datasets that are never trained on, each against its own classes, mean over the models after every task. " +
      "Higher is better.",
    rowHeader: "Method",
    columns: [...names, "Mean"],
    best: "highest",
    rows: runs.map(({ accuracy: { holdOuts }, metrics }, i) => {
      const metric = metrics && holdOuts && holdOutAccuracy(holdOuts);
      const columns = names.map((name) => metric?.columns[holdOuts?.datasets.indexOf(name) ?? -1]);
      const isAll = columns.every((value) => value !== undefined);
      return { label: labels[i] as string, values: [...columns, isAll ? metric?.overall : undefined] };
    }),
  };
}

/** All metrics of one finished stream: a row per metric. */
export function streamTable(accuracy: AccuracyMatrix): Table {
  const metrics = computeMetrics(accuracy);
  return {
    title: "Metrics (%)",
    caption: `Stream of ${accuracy.datasets.length} datasets, in order.`,
    rowHeader: "Metric",
    columns: [...accuracy.datasets, "Mean"],
    best: "none",
    rows: metricDescriptions.map(({ name, title }) => ({
      label: title,
      values: [...metrics[name].columns, metrics[name].overall],
    })),
  };
}

/** Marks the best and second-best printed values of every column; equal printed values share a mark. */
export function markCells(table: Table): Mark[][] {
  const marks: Mark[][] = table.rows.map(({ values }) => values.map(() => undefined));
  for (const kind of ["measured", "published"]) {
    const rows = [...table.rows.keys()].filter((i) => (table.rows[i]?.kind ?? "measured") === kind);
    if (rows.length < 2) continue;
    for (const j of table.columns.keys()) markColumn(table, rows, j, marks);
  }
  return marks;
}

function markColumn(table: Table, rows: number[], column: number, marks: Mark[][]): void {
  const best = typeof table.best === "string" ? table.best : table.best[column];
  if (best === "none") return;
  const sign = best === "lowest" ? 1 : -1;
  const valueAt = (i: number) => table.rows[i]?.values[column];
  const printed = rows.map((i) => formatValue(table, valueAt(i), column));
  const distinct = new Map(printed.map((text, at) => [text, valueAt(rows[at] as number)]));
  const ranking = [...distinct].filter((entry): entry is [string, number] => entry[1] !== undefined);
  const [first, second] = ranking.sort((a, b) => sign * (a[1] - b[1])).map(([text]) => text);
  rows.forEach((i, at) => {
    const row = marks[i] as Mark[];
    if (printed[at] === first) row[column] = "best";
    else if (printed[at] === second) row[column] = "second";
  });
}

/** Text of a cell: the value, with a sign if it is a difference, and the deviation. */
export function formatCell(
  table: Table,
  row: TableRow,
  column: number,
): { value: string; deviation?: string } {
  const value = row.values[column];
  if (row.kind === "missing") return { value: "" };
  if (row.kind === "difference" && value !== undefined) {
    const size = formatValue(table, Math.abs(value), column);
    return { value: Number.parseFloat(size) === 0 ? size : `${value > 0 ? "+" : "-"}${size}` };
  }
  const deviation = row.deviations?.[column];
  return {
    value: formatValue(table, value, column),
    ...(value !== undefined &&
      deviation !== undefined && { deviation: formatValue(table, deviation, column) }),
  };
}

/** A value as the table's column prints it; "–" where there is none. */
export function formatValue({ format }: Table, value: number | undefined, column: number): string {
  return value === undefined || format === undefined ? formatPercent(value) : format(value, column);
}

/** A fraction as percent with one decimal, without the sign; "–" where there is no value. */
export function formatPercent(fraction: number | undefined): string {
  if (fraction === undefined) return "–";
  return (100 * fraction).toFixed(1).replace(/^-(0\.0)$/, "$1");
}

/**
 * The stream that all runs share.
 * @throws if they differ, since their metrics cannot be compared
 */
export function commonDatasets(runs: Run[]): string[] {
  const [first, ...others] = runs;
  if (first === undefined)
    throw new Error("Expected at least one run, got none. Give one or more run directories.");
  const stream = ({ info, accuracy }: Run) => `${info.protocol}: ${accuracy.datasets.join(", ")}`;
  const different = others.find((run) => stream(run) !== stream(first));
  if (different) {
    throw new Error(
      "Runs are only comparable over the same protocol and datasets in the same order: " +
        `${first.directory} is ${stream(first)}; ${different.directory} is ${stream(different)}. ` +
        "Report them separately.",
    );
  }
  return first.accuracy.datasets;
}
