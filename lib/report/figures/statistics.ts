import type { Row } from "./figure.js";

export interface MeanAndStd {
  readonly mean: number;
  /** Sample standard deviation; 0 for a single value. */
  readonly std: number;
}

/** @param values at least one */
export function meanAndStd(values: readonly number[]): MeanAndStd {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}

/** Explains the thin lines, if some rows are of several seeds. */
export function deviationNote(rows: readonly Row[]): string[] {
  return rows.some(({ seeds }) => Number(seeds) > 1)
    ? ["Thin lines are one standard deviation over the seeds."]
    : [];
}
