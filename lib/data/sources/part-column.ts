import type { Parts } from "./collection.js";
import { columnNamed } from "./column-names.js";
import { isPartName, type Part, partOfName } from "./part-names.js";

/** The values of each column of a table, or of each field of the samples of shards. */
export type Columns = ReadonlyMap<string, readonly unknown[]>;

/** The first column of nothing but words for parts, of at least two kinds. */
export function columnOfParts(columns: Columns): string | undefined {
  for (const [column, rows] of columns) {
    const values = new Set(rows);
    if (values.size > 1 && [...values].every(isPartWord)) return column;
  }
  return undefined;
}

export function isPartWord(value: unknown): boolean {
  return typeof value === "string" && isPartName(value);
}

/** The part that a cell tells. @param place for the message @throws if it tells none */
export function partOfCell(value: unknown, column: string, place: string): Part {
  const part = typeof value === "string" ? partOfName(value) : undefined;
  if (part !== undefined) return part;
  throw new Error(
    `${place}: expected ${column} to be train, validation, val or test, got ${JSON.stringify(value) ?? "nothing"}. Correct it.`,
  );
}

/** As people call columns whose values may be numbers or truth values. */
const lookalike =
  /^(split|subset|partition|fold|set|(is|in)?[-_ ]?(train|test|val|valid|validation)(ing)?)$/i;

/** Whether a column is called as if it told a part. */
export function seemsPart(column: string): boolean {
  return lookalike.test(column.trim());
}

/** Values that may tell the part of each row of a table, or of each sample of shards. */
export interface PartTable {
  readonly columns: Columns;
  /** Columns or fields that the data have, for messages about those that are not read. */
  readonly names: Iterable<string>;
  /** The part of each row that its file tells, which goes before a column. */
  readonly parts: readonly (Part | undefined)[] | undefined;
  /** @returns the place of a row, for messages */
  placeOf(row: number): string;
  /** The option that names the column, and the word for one. */
  readonly option: "splitColumn" | "splitField";
  readonly word: "column" | "field";
}

/**
 * The part of each row by a column, which is found by its name or its values unless it is given.
 * @param given the column that the user names
 * @param warnings gets what was found, and columns that seem to tell a part and are not used
 * @returns nothing where no column is read
 * @throws if the column tells no part in a row
 */
export function partsOfTable(
  given: string | undefined,
  { columns, names, parts, placeOf, option, word }: PartTable,
  warnings: string[],
): Part[] | undefined {
  const split = columnNamed(columns.keys(), "split");
  const named = split !== undefined && columns.get(split)?.some(isPartWord) ? split : undefined;
  const column = given ?? named ?? columnOfParts(columns);
  if (column === undefined) {
    if (parts === undefined) warnings.push(...unreadParts(names));
    return undefined;
  }
  const values = columns.get(column) ?? [];
  if (parts !== undefined) {
    warnings.push(...otherParts(column, values, parts, option));
    return undefined;
  }
  if (given === undefined) warnings.push(`The parts are those of the ${word} "${column}".`);
  return values.map((value, row) => partOfCell(value, column, placeOf(row)));
}

/** A message about columns that are called like a part and are not read. */
export function unreadParts(columns: Iterable<string>): string[] {
  return [...columns]
    .filter(seemsPart)
    .map(
      (column) =>
        `"${column}" seems to tell a part, but has other values than train, validation and test: it is not used. ` +
        "Write these words there.",
    );
}

/**
 * A message about a column that disagrees with the files, which go before it.
 * @param parts that the files tell, for each row
 * @param option that names the column
 */
function otherParts(
  column: string,
  values: readonly unknown[],
  parts: readonly (Part | undefined)[],
  option: string,
): string[] {
  const count = values.filter(
    (value, i) => typeof value !== "string" || partOfName(value) !== parts[i],
  ).length;
  if (count === 0) return [];
  return [
    `"${column}" tells another part than the files for ${count} of ${values.length} images, and is not used. ` +
      `To use it, give all files as one and name it as ${option}.`,
  ];
}

/**
 * Images by their part; all of them where they are for training only, and test images are drawn.
 * @param told the part of each image
 */
export function byPart<T>(
  images: readonly T[],
  told: readonly (Part | undefined)[],
  warnings: string[],
): readonly T[] | Required<Parts<readonly T[]>> {
  if (told.every((part) => part === "train")) {
    warnings.push("All images are for training: test images are drawn from them.");
    return images;
  }
  const of = (wanted: Part) => images.filter((_, i) => told[i] === wanted);
  return { train: of("train"), validation: of("validation"), test: of("test") };
}
