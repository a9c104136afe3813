import type { ParquetFile } from "./parquet-file.js";
import {
  columnNamed,
  columnOfParts,
  isPartWord,
  otherParts,
  partOfCell,
  unreadParts,
} from "./part-column.js";
import type { Part } from "./part-names.js";

/** Enough rows to see that a column of captions tells no parts, without reading all of it. */
const firstRows = 100;

/**
 * The part of each row by a column of the files, which is found by its name or its values unless it is given.
 * @param parts that the names of the files tell; these go before the column
 * @param warnings gets what was found, and columns that seem to tell a part and are not used
 * @returns nothing where no column is read
 * @throws if the column is not there or tells no part in a row
 */
export async function partsOfRows(
  splitColumn: string | undefined,
  files: readonly ParquetFile[],
  parts: readonly (Part | undefined)[],
  warnings: string[],
): Promise<Part[][] | undefined> {
  const column = splitColumn ?? (await findColumn(files));
  const unused = files[0]?.otherColumns().filter((other) => other !== column) ?? [];
  if (parts.some((part) => part !== undefined)) {
    if (column === undefined) return undefined;
    const ofRows = files.flatMap(({ rowCount }, i) => Array<Part | undefined>(rowCount).fill(parts[i]));
    warnings.push(...otherParts(column, await valuesOf(files, column), ofRows, "splitColumn"));
    return undefined;
  }
  if (column === undefined) {
    warnings.push(...unreadParts(unused));
    return undefined;
  }
  if (splitColumn === undefined) warnings.push(`The parts are those of the column "${column}".`);
  const told: Part[][] = [];
  for (const file of files) {
    const values = await file.readValues(column);
    told.push(values.map((value, row) => partOfCell(value, column, `${file.shard.file}, row ${row}`)));
  }
  return told;
}

/** A column of all files: the one called split, if a word for a part is in it, or one of such words alone. */
async function findColumn(files: readonly ParquetFile[]): Promise<string | undefined> {
  const [first, ...others] = files;
  if (first === undefined) return undefined;
  const inAll = first
    .otherColumns("texts")
    .filter((column) => others.every((file) => file.otherColumns("texts").includes(column)));
  const split = columnNamed(inAll, "split");
  if (split !== undefined && (await valuesOf(files, split)).some(isPartWord)) return split;
  const found = new Map<string, unknown[]>();
  for (const column of inAll) {
    if (!(await first.readValues(column, firstRows)).every(isPartWord)) continue;
    found.set(column, await valuesOf(files, column));
  }
  return columnOfParts(found);
}

async function valuesOf(files: readonly ParquetFile[], column: string): Promise<unknown[]> {
  const values: unknown[] = [];
  for (const file of files) for (const value of await file.readValues(column)) values.push(value);
  return values;
}
