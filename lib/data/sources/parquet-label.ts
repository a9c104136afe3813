/** Nothing, an empty text or −1, alone or in a list. */
export function isUnlabelled(value: unknown): boolean {
  const [label = null] = Array.isArray(value) ? value : [value];
  return label === null || label === "" || Number.isNaN(label) || Number(label) === -1;
}

/**
 * The value of a label column as a text.
 * @param place file and row, for errors   @param classNames those of integers, if the file has them
 * @throws if it is no label
 */
export function labelText(
  place: string,
  column: string,
  value: unknown,
  classNames: readonly string[] | undefined,
): string {
  const items = Array.isArray(value) ? value : [value];
  if (items.length > 1) {
    const several = items.slice(0, 3).map(String).join(", ");
    throw new Error(
      `${place}: expected one label in ${column}, got ${items.length}: ${several}. Keep one per image, or name another labelColumn.`,
    );
  }
  const [label] = items as unknown[];
  const isWhole = typeof label === "bigint" || Number.isInteger(label);
  const known = isWhole ? classNames?.[Number(label)] : undefined;
  const isText = isWhole || typeof label === "string" || typeof label === "boolean";
  const isDeclared = typeof label === "string" && classNames?.includes(label);
  const text = known ?? ((classNames === undefined || isDeclared) && isText ? String(label) : "");
  if (text !== "") return text;
  const wanted = classNames === undefined ? "a text or an integer" : `0 to ${classNames.length - 1}`;
  throw new Error(
    `${place}: expected a label, ${wanted}, got ${label ?? "nothing"}. Write the file without such rows; only among test images they are passed over.`,
  );
}
