import type { CollectionOptions } from "./collection.js";

/** Nothing, or an empty text. */
export function isEmptyCell(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

/**
 * The label of a record: a text, an integer or a truth value, alone or as the only item of a list.
 * @param place for the message   @throws if it is none of these, or several
 */
export function labelOfCell(value: unknown, column: string, place: string): string {
  const items = Array.isArray(value) ? value : [value];
  const [label] = items as unknown[];
  if (items.length > 1) {
    const several = items.slice(0, 3).map(String).join(", ");
    throw new Error(
      `${place}: expected one label in ${column}, got ${items.length}: ${several}. Keep one per image, or name another labelColumn.`,
    );
  }
  return typeof label === "boolean" ? String(label) : textOfCell(label, column, place);
}

/** @throws if the cell is no text and no integer */
export function textOfCell(value: unknown, column: string, place: string): string {
  if (typeof value === "string" && value !== "") return value;
  if (Number.isSafeInteger(value)) return String(value);
  const got = value === undefined ? "nothing" : JSON.stringify(value);
  throw new Error(`${place}: expected ${column} to be a text or an integer, got ${got}. Correct it.`);
}

/**
 * Integers for whole numbers with a point, as pandas writes integers with gaps. That is decided by all parts
 * together, because one label is one class in all of them. Labels stay as they are where the user names one
 * with its point. So they do where others are no integers, or where two of one part would become one.
 * @param parts labels of each part   @param classes those that the user chooses
 */
export function withoutPoints<T extends { readonly label: string }>(
  parts: readonly (readonly T[])[],
  classes: CollectionOptions["classes"] = [],
): readonly (readonly T[])[] {
  const integer = (label: string) => label.replace(/^(\d+)\.0+$/, "$1");
  const named = Array.isArray(classes) ? classes : Object.keys(classes);
  const isNamed = named.some((label) => integer(label) !== label);
  const isClear = parts.every((part) => {
    const labels = new Set(part.map(({ label }) => label));
    const integers = new Set([...labels].map(integer));
    return integers.size === labels.size && [...integers].every((label) => /^\d+$/.test(label));
  });
  if (isNamed || !isClear) return parts;
  return parts.map((part) => part.map((image) => ({ ...image, label: integer(image.label) })));
}
