import { columnNamed } from "./column-names.js";
import type { ParquetFile } from "./parquet-file.js";
import { type Columns, isPartWord, partsOfTable } from "./part-column.js";
import type { Part } from "./part-names.js";

/** Enough rows to see that a column of captions tells no parts, without reading all of it. */
const firstRows = 100;

/**
 * The part of each row of the files, one after the other, as {@link partsOfTable} finds it.
 * @param parts that the names of the files tell, for each row; nothing where they tell none
 * @throws if the column is not there or tells no part in a row
 */
export async function partsOfRows(
  splitColumn: string | undefined,
  files: readonly ParquetFile[],
  parts: readonly (Part | undefined)[] | undefined,
  warnings: string[],
): Promise<Part[] | undefined> {
  const columns = splitColumn === undefined ? await candidates(files) : await read(files, [splitColumn]);
  const names = files[0]?.otherColumns() ?? [];
  const placeOf = (row: number) => placeIn(files, row);
  const option = "splitColumn";
  return partsOfTable(splitColumn, { columns, names, parts, placeOf, option, word: "column" }, warnings);
}

function placeIn([first, ...others]: readonly ParquetFile[], row: number): string {
  if (first === undefined || row < first.rowCount) return `${first?.shard.file}, row ${row}`;
  return placeIn(others, row - first.rowCount);
}

/** Columns of texts in all files: the one called split, and those that begin with words for parts alone. */
async function candidates(files: readonly ParquetFile[]): Promise<Columns> {
  const [first, ...others] = files;
  if (first === undefined) return new Map();
  const inAll = first
    .otherColumns("texts")
    .filter((column) => others.every((file) => file.otherColumns("texts").includes(column)));
  const split = columnNamed(inAll, "split");
  const found: string[] = [];
  for (const column of inAll)
    if (column === split || (await first.readValues(column, firstRows)).every(isPartWord)) found.push(column);
  return read(files, found);
}

async function read(files: readonly ParquetFile[], columns: readonly string[]): Promise<Columns> {
  const values = new Map<string, unknown[]>();
  for (const column of columns) {
    const rows: unknown[] = [];
    for (const file of files) for (const value of await file.readValues(column)) rows.push(value);
    values.set(column, rows);
  }
  return values;
}
