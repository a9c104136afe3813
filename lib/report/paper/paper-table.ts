import type { MeanAndStd } from "../figures/statistics.js";
import type { Best, Table, TableRow } from "../table.js";

/** A table of the paper, with the numbers of runs beside the printed ones. */
export interface PaperTable {
  readonly number: number;
  /** Name of its file, without a suffix. */
  readonly name: string;
  readonly title: string;
  readonly caption: string;
  readonly notes: readonly string[];
  readonly parts: readonly TablePart[];
  readonly missing: readonly MissingRuns[];
}

export interface TablePart {
  readonly title: string;
  readonly columns: readonly string[];
  readonly best: Best | readonly Best[];
  /** Unit of the values: fractions, or numbers of parameters. */
  readonly unit: "accuracy" | "parameters";
  readonly digits: number;
  readonly rows: readonly ComparedRow[];
}

/** One method: what its runs gave, and what the paper prints. One value per column. */
export interface ComparedRow {
  readonly method: string;
  readonly label: string;
  readonly seeds: readonly number[];
  readonly ours: readonly (MeanAndStd | undefined)[];
  readonly paper: readonly (number | undefined)[];
  /** Who prints `paper`. Default: the paper. */
  readonly publishedIn?: string;
}

/** Runs that a row lacks, and the command that makes them. */
export interface MissingRuns {
  readonly label: string;
  readonly seeds: readonly number[];
  /** For the first of the seeds. */
  readonly command: string;
}

/**
 * The table to print: for every method its values, those of the paper and the difference, as far as there are
 * any.
 */
export function toTable({ title, columns, best, unit, digits, rows }: TablePart): Table {
  const format = unit === "accuracy" ? percent(digits) : millions(digits);
  return {
    title,
    caption: "",
    rowHeader: "Method",
    columns: [...columns],
    best,
    format,
    rows: rows.flatMap(({ label, seeds, ours, paper, publishedIn }): TableRow[] => {
      const hasRuns = ours.some((value) => value !== undefined);
      const values = columns.map((_, j) => ours[j]?.mean);
      const deviations = seeds.length > 1 ? ours.map((value) => value?.std) : undefined;
      const measured: TableRow = { label, values, deviations, kind: hasRuns ? "measured" : "missing" };
      if (paper.every((value) => value === undefined)) return [measured];
      if (publishedIn !== undefined && !hasRuns) {
        return [{ label: `${label} (${publishedIn})`, values: [...paper], kind: "published" }];
      }
      const published: TableRow = { label: publishedIn ?? "paper", values: [...paper], kind: "published" };
      const difference: TableRow = {
        label: "difference",
        values: differences({ ours, paper }),
        kind: "difference",
      };
      return hasRuns ? [measured, published, difference] : [measured, published];
    }),
  };
}

/** Ours minus the paper's. */
export function differences({ ours, paper }: Pick<ComparedRow, "ours" | "paper">): (number | undefined)[] {
  return ours.map((value, j) => {
    const printed = paper[j];
    return value === undefined || printed === undefined ? undefined : value.mean - printed;
  });
}

function percent(digits: number): (value: number) => string {
  return (value) => (100 * value).toFixed(digits).replace(/^-(0\.0+)$/, "$1");
}

function millions(digits: number): (value: number) => string {
  return (value) => (value === 0 ? "0" : `${(value / 1e6).toFixed(digits)}M`);
}
