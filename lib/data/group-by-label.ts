/** The indices of the examples of each class, in order. */
export function groupByLabel(
  examples: readonly { readonly label: number }[],
  classCount: number,
): number[][] {
  const groups: number[][] = Array.from({ length: classCount }, () => []);
  for (const [index, { label }] of examples.entries()) groups[label]?.push(index);
  return groups;
}
