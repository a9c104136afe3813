import type { AccuracyMatrix, MetricName } from "../protocol/metrics.js";
import { computeMetrics } from "../protocol/metrics.js";
import { type Run, runLabels } from "./run.js";

/** A table of accuracies (fractions; rounded and shown in percent only when printed). */
export interface Table {
  title: string;
  /** One sentence that says what the numbers are. */
  caption: string;
  rowHeader: string;
  columns: string[];
  rows: { label: string; values: (number | undefined)[] }[];
  /** Which value of a column is best; `none` where rows are not alternatives. */
  best: "highest" | "lowest" | "none";
}

export type Mark = "best" | "second" | undefined;

/** The metrics in the order they are shown, with what they mean in one line. */
export const metricDescriptions: {
  name: MetricName;
  title: string;
  caption: string;
  best: "highest" | "lowest";
}[] = [
  {
    name: "transfer",
    title: "Transfer",
    caption: "Accuracy on a dataset before it is learned, mean over the tasks before it. Higher is better.",
    best: "highest",
  },
  {
    name: "average",
    title: "Average",
    caption: "Accuracy on a dataset, mean over all tasks of the stream. Higher is better.",
    best: "highest",
  },
  {
    name: "last",
    title: "Last",
    caption: "Accuracy on a dataset after the last task. Higher is better.",
    best: "highest",
  },
  {
    name: "forgetting",
    title: "Forgetting",
    caption: "Accuracy lost on a dataset between learning it and the last task. Lower is better.",
    best: "lowest",
  },
];

/**
 * One table per metric: a row per run, a column per dataset, and the mean. Unfinished runs have no values yet.
 * @throws if the runs are not over the same protocol and datasets in the same order
 */
export function metricTables(runs: Run[]): Table[] {
  const datasets = commonDatasets(runs);
  const labels = runLabels(runs);
  return metricDescriptions.map(({ name, title, caption, best }) => ({
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
  if (table.best === "none" || table.rows.length < 2) return marks;
  const sign = table.best === "highest" ? -1 : 1;
  for (const j of table.columns.keys()) {
    const printed = table.rows.map(({ values }) => formatPercent(values[j]));
    const ranking = [...new Set(printed)].map(Number).filter(Number.isFinite);
    const [best, second] = ranking.sort((a, b) => sign * (a - b));
    printed.forEach((text, i) => {
      const row = marks[i] as Mark[];
      if (Number(text) === best) row[j] = "best";
      else if (Number(text) === second) row[j] = "second";
    });
  }
  return marks;
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
