import { readFileSync } from "node:fs";
import type { AccuracyMatrix } from "./metrics.js";

/** How accuracies are written in a file. `auto`: fractions when every value is at most 1, percent otherwise. */
export type AccuracyUnit = "auto" | "percent" | "fraction";

/**
 * Reads the accuracy matrix of a finished stream from JSON (`{"datasets": [...], "matrix": [[...]]}`, optionally
 * `"zeroShot": [...]`) or CSV (a header of dataset names, one row per task, optionally a first column of task names).
 * @returns fractions, whatever the unit in the file
 * @throws if the file is missing or not a square matrix of accuracies, naming the row and column
 */
export function readMatrixFile(path: string, options: { unit?: AccuracyUnit } = {}): AccuracyMatrix {
  const text = readText(path).replace(/^\uFEFF/, "");
  const isJson = /^\s*[{[]/.test(text);
  const accuracy = parseAccuracyMatrix(isJson ? parseJson(text, path) : parseMatrixCsv(text, path), {
    source: path,
    unit: options.unit ?? "auto",
  });
  const [rows, columns] = [accuracy.matrix.length, accuracy.datasets.length];
  if (rows < columns) {
    throw new Error(
      `${path}: the matrix is not square: expected ${columns} rows (one per task) for ${columns} datasets, got ${rows}. ` +
        "Give the rows of the missing tasks, or remove the datasets that were not trained on.",
    );
  }
  return accuracy;
}

/**
 * Checks a decoded matrix and converts it to fractions. It may have fewer rows than datasets (a stream still running).
 * @throws if names repeat, rows are ragged, or a value is not an accuracy in the given unit
 */
export function parseAccuracyMatrix(
  value: unknown,
  options: { source: string; unit: AccuracyUnit },
): AccuracyMatrix {
  const { source } = options;
  const { datasets, matrix, zeroShot } = (value ?? {}) as Record<string, unknown>;
  if (!Array.isArray(datasets) || datasets.length === 0 || !Array.isArray(matrix)) {
    throw new Error(
      `${source}: not an accuracy matrix: expected an object {"datasets": [names], "matrix": [[accuracies]]}. ` +
        "Write one name per dataset and one row per task.",
    );
  }
  if (matrix.length > datasets.length) {
    throw new Error(
      `${source}: the matrix is not square: expected ${datasets.length} rows (one per task) for ${datasets.length} ` +
        `datasets, got ${matrix.length}. Remove rows that are not tasks; zero-shot accuracy before training is none.`,
    );
  }
  datasets.forEach((name, j) => {
    checkName(name, j, datasets, source);
  });
  const rows: [string, unknown][] = matrix.map((row, t) => [`row ${t + 1}`, row]);
  if (zeroShot !== undefined && zeroShot !== null) rows.push(["zeroShot", zeroShot]);
  for (const [label, row] of rows) checkRow(label, row, datasets, source);

  const all = rows.flatMap(([, row]) => row as number[]);
  const unit = options.unit === "auto" ? (all.every((x) => x <= 1) ? "fraction" : "percent") : options.unit;
  const limit = unit === "percent" ? 100 : 1;
  const toFractions = (label: string, row: unknown) =>
    (row as number[]).map((x, j) => {
      if (x >= 0 && x <= limit) return x / limit;
      throw new Error(
        `${source}: ${label}, column ${j + 1} (${datasets[j]}): expected an accuracy from 0 to ${limit} ` +
          `(unit ${unit}), got ${x}. Correct the value, or state the file's unit with --unit percent or --unit fraction.`,
      );
    });
  const fractions = rows.map(([label, row]) => toFractions(label, row));
  return {
    datasets: datasets as string[],
    matrix: fractions.slice(0, matrix.length),
    ...(rows.length > matrix.length && { zeroShot: fractions.at(-1) }),
  };
}

function checkName(name: unknown, j: number, datasets: unknown[], source: string): void {
  if (typeof name !== "string" || name.trim() === "") {
    throw new Error(
      `${source}: dataset ${j + 1}: expected a name, got ${JSON.stringify(name)}. ` +
        "Name every column; a CSV file needs a header row of dataset names.",
    );
  }
  const first = datasets.indexOf(name);
  if (first < j) {
    throw new Error(
      `${source}: columns ${first + 1} and ${j + 1} are both named "${name}": expected distinct names. Rename one of them.`,
    );
  }
}

function checkRow(label: string, row: unknown, datasets: unknown[], source: string): void {
  if (!Array.isArray(row) || row.length !== datasets.length) {
    throw new Error(
      `${source}: ${label}: expected ${datasets.length} accuracies, one per dataset, got ` +
        `${Array.isArray(row) ? row.length : JSON.stringify(row)}. Give one value for every dataset.`,
    );
  }
  row.forEach((x, j) => {
    if (typeof x === "number" && Number.isFinite(x)) return;
    throw new Error(
      `${source}: ${label}, column ${j + 1} (${datasets[j]}): expected a number, got ${JSON.stringify(x)}. ` +
        "Write a plain number such as 71.3, without a percent sign.",
    );
  });
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(
      `${path}: cannot read the accuracy matrix (${(error as NodeJS.ErrnoException).code}). ` +
        "Give the path of a JSON or CSV file.",
    );
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(
      `${path}: not valid JSON (${(error as Error).message}). Correct it, or give a CSV file whose first row is dataset names.`,
    );
  }
}

function parseMatrixCsv(text: string, path: string): { datasets: string[]; matrix: unknown[][] } {
  const [header, ...rows] = splitCsv(text);
  if (header === undefined || rows.length === 0) {
    throw new Error(
      `${path}: expected a header row of dataset names and one row of accuracies per task, got ` +
        `${header === undefined ? "an empty file" : "one row"}. Add the missing rows.`,
    );
  }
  if (header.every((cell) => !Number.isNaN(toNumber(cell)))) {
    throw new Error(
      `${path}: row 1: expected dataset names, got numbers (${header.join(", ")}). Add a header row of dataset names.`,
    );
  }
  const labelled =
    /^(|(after )?task)$/i.test(header[0] as string) || rows.every((row) => Number.isNaN(toNumber(row[0])));
  const skip = labelled ? 1 : 0;
  return {
    datasets: header.slice(skip),
    matrix: rows.map((row) =>
      row.slice(skip).map((cell) => (Number.isNaN(toNumber(cell)) ? cell : toNumber(cell))),
    ),
  };
}

function toNumber(cell: string | undefined): number {
  return cell === undefined || cell === "" ? Number.NaN : Number(cell);
}

/** Rows of trimmed fields; quoted fields may hold commas, line breaks and doubled quotes (RFC 4180). */
function splitCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:\s*"((?:[^"]|"")*)"\s*?|([^,\r\n]*))(,|\r?\n|$)/g)) {
    const row = rows.at(-1) as string[];
    row.push(quoted === undefined ? (plain as string).trim() : quoted.replaceAll('""', '"'));
    if (end !== ",") rows.push([]);
  }
  return rows.filter((row) => row.some((field) => field !== ""));
}
