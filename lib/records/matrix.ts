import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeJsonAtomically } from "../files/index.js";
import { checkOptions, decodeText } from "../options/index.js";
import { type Accuracy, type AccuracyMatrix, type HoldOutMatrix, known } from "./metrics.js";
import { readJson } from "./parse.js";

/**
 * How accuracies are written in a file. `auto`: fractions when every value is at most 1, percent otherwise.
 */
export type AccuracyUnit = "auto" | "percent" | "fraction";

/** The file of a run's accuracies. */
export function matrixPath(directory: string): string {
  return join(directory, "matrix.json");
}

/** The rows of a run so far; `undefined` before the first evaluation. @throws if the file is damaged */
export function readMatrix(directory: string): AccuracyMatrix | undefined {
  const path = matrixPath(directory);
  return existsSync(path)
    ? parseAccuracyMatrix(readJson(path), { source: path, unit: "fraction" })
    : undefined;
}

/** The same bytes whether the run was interrupted or not. */
export function writeMatrix(
  directory: string,
  { datasets, matrix, zeroShot, holdOuts }: AccuracyMatrix,
): void {
  writeJsonAtomically(matrixPath(directory), { datasets, matrix, zeroShot, holdOuts });
}

/**
 * Reads the accuracy matrix of a finished stream. JSON has `{"datasets": [...], "matrix": [[...]]}`,
 * optionally `"zeroShot": [...]`, and `"holdOuts": {...}` of the same form. CSV has a header of dataset names
 * and one row per task, optionally with task names in the first column.
 * @returns fractions, whatever the unit in the file
 * @throws if the file is missing or not a square matrix of accuracies, naming the row and column
 */
export function readMatrixFile(path: string, options: { unit?: AccuracyUnit } = {}): AccuracyMatrix {
  checkOptions(options, { unit: true }, "readMatrixFile");
  const text = decodeText(readBytes(path), path);
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
 * Checks a decoded matrix and converts it to fractions. It may have fewer rows than datasets (a stream still
 * running).
 * @throws if names repeat, rows are ragged, or a value is not an accuracy in the given unit
 */
export function parseAccuracyMatrix(
  value: unknown,
  options: { source: string; unit: AccuracyUnit },
): AccuracyMatrix {
  const { source } = options;
  const { holdOuts: given, ...own } = (value ?? {}) as Record<string, unknown>;
  const stream = checkMatrix(own, source);
  const [rows, columns] = [stream.matrix.length, stream.datasets.length];
  if (rows > columns) {
    throw new Error(
      `${source}: the matrix is not square: expected ${columns} rows (one per task) for ${columns} ` +
        `datasets, got ${rows}. Remove rows that are not tasks; zero-shot accuracy before training is none.`,
    );
  }
  const hasHoldOuts = given !== undefined && given !== null;
  const holdOuts = hasHoldOuts ? checkMatrix(given as object, source, "holdOuts: ") : undefined;
  if (holdOuts !== undefined && holdOuts.matrix.length !== rows) {
    throw new Error(
      `${source}: holdOuts: expected ${rows} rows, one per row of the matrix, got ${holdOuts.matrix.length}. ` +
        "Test the hold-outs after every task.",
    );
  }
  const parts = holdOuts === undefined ? [stream] : [stream, holdOuts];
  const all = parts.flatMap(({ matrix, zeroShot = [] }) => known([...matrix.flat(), ...zeroShot]));
  const unit = options.unit === "auto" ? (all.every((x) => x <= 1) ? "fraction" : "percent") : options.unit;
  return {
    ...toFractions(stream, unit, source),
    ...(holdOuts !== undefined && { holdOuts: toFractions(holdOuts, unit, source, "holdOuts: ") }),
  };
}

/**
 * Names, and rows of numbers that fit them.
 * @param where name of the rows in messages, before their number
 */
function checkMatrix(
  { datasets, matrix, zeroShot }: { datasets?: unknown; matrix?: unknown; zeroShot?: unknown },
  source: string,
  where = "",
): HoldOutMatrix {
  if (!Array.isArray(datasets) || datasets.length === 0 || !Array.isArray(matrix)) {
    throw new Error(
      `${source}: ${where}not an accuracy matrix: expected an object {"datasets": [names], "matrix": [[accuracies]]}. ` +
        "Write one name per dataset and one row per task.",
    );
  }
  datasets.forEach((name, j) => {
    checkName(name, j, datasets, source);
  });
  const isMeasured = (t: number): boolean => t === datasets.length - 1; // the last row is, whatever is lost
  matrix.forEach((row, t) => {
    checkRow(`${where}row ${t + 1}`, row, datasets, source, !isMeasured(t));
  });
  if (zeroShot === undefined || zeroShot === null) return { datasets, matrix };
  checkRow(`${where}zeroShot`, zeroShot, datasets, source);
  return { datasets, matrix, zeroShot: zeroShot as Accuracy[] };
}

function toFractions(
  { datasets, matrix, zeroShot }: HoldOutMatrix,
  unit: "percent" | "fraction",
  source: string,
  where = "",
): HoldOutMatrix {
  const limit = unit === "percent" ? 100 : 1;
  const convert = (label: string, row: Accuracy[]): Accuracy[] =>
    row.map((x, j) => {
      if (x === null) return null;
      if (x >= 0 && x <= limit) return x / limit;
      throw new Error(
        `${source}: ${where}${label}, column ${j + 1} (${datasets[j]}): expected an accuracy from 0 to ${limit} ` +
          `(unit ${unit}), got ${x}. Correct the value, or state the file's unit with --unit percent or --unit fraction.`,
      );
    });
  const rows = matrix.map((row, t) => convert(`row ${t + 1}`, row));
  return { datasets, matrix: rows, ...(zeroShot && { zeroShot: convert("zeroShot", zeroShot) }) };
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

function checkRow(
  label: string,
  row: unknown,
  datasets: unknown[],
  source: string,
  mayBeEmpty = false,
): void {
  if (!Array.isArray(row) || row.length !== datasets.length) {
    throw new Error(
      `${source}: ${label}: expected ${datasets.length} accuracies, one per dataset, got ` +
        `${Array.isArray(row) ? row.length : JSON.stringify(row)}. Give one value for every dataset.`,
    );
  }
  row.forEach((x, j) => {
    if ((x === null && mayBeEmpty) || (typeof x === "number" && Number.isFinite(x))) return;
    throw new Error(
      `${source}: ${label}, column ${j + 1} (${datasets[j]}): expected a number, got ${JSON.stringify(x)}. ` +
        "Write a plain number such as 71.3, without a percent sign.",
    );
  });
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
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
