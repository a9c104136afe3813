/** The number of items, which a list knows and a stream does not. */
export function knownLength(items: Iterable<unknown> | AsyncIterable<unknown>): number | undefined {
  return Array.isArray(items) ? items.length : undefined;
}
