import type { MatrixData } from "../data.js";

export interface Spread {
  mean: number | null;
  /** Standard deviation of a sample; `null` below two values. */
  deviation: number | null;
}

/** Mean and spread of the values that are there. */
export function spread(values: (number | null | undefined)[]): Spread {
  const known = values.filter((value): value is number => value !== null && value !== undefined);
  if (known.length === 0) return { mean: null, deviation: null };
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  if (known.length === 1) return { mean, deviation: null };
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (known.length - 1)) };
}

/** A matrix with a spread in each cell: over the seeds that have come that far. */
export interface MatrixSpread {
  zeroShot: Spread[] | null;
  matrix: Spread[][];
}

export function matrixSpread(matrices: MatrixData[]): MatrixSpread {
  const rows = Math.max(0, ...matrices.map(({ matrix }) => matrix.length));
  const columns = Math.max(
    0,
    ...matrices.map(({ matrix, zeroShot }) => (matrix[0] ?? zeroShot ?? []).length),
  );
  const over = (row: (matrix: MatrixData) => (number | null)[] | null | undefined) =>
    Array.from({ length: columns }, (_, j) => spread(matrices.map((matrix) => row(matrix)?.[j])));
  return {
    zeroShot: matrices.some(({ zeroShot }) => zeroShot) ? over(({ zeroShot }) => zeroShot) : null,
    matrix: Array.from({ length: rows }, (_, t) => over(({ matrix }) => matrix[t])),
  };
}

/** About `count` round numbers over a range, in steps of 1, 2 or 5 times a power of ten. */
export function ticks([low, high]: [number, number], count: number): number[] {
  if (high <= low) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
