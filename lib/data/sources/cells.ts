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

/** Integers where all labels are whole numbers with a point, as pandas writes integers with gaps. */
export function withoutPoints<T extends { readonly label: string }>(images: readonly T[]): readonly T[] {
  const whole = /^(\d+)\.0+$/;
  if (!images.every(({ label }) => whole.test(label))) return images;
  return images.map((image) => ({ ...image, label: image.label.replace(whole, "$1") }));
}
