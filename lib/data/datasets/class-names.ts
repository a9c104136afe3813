/**
 * Class names in label order, from the labels and names of all images of a part.
 * @param source named in errors
 * @throws if one label has two names, or a label below the largest has none
 */
export function classNames(
  source: string,
  labels: Iterable<readonly [label: number, name: string]>,
): string[] {
  const names: string[] = [];
  for (const [label, name] of labels) {
    if (!Number.isInteger(label) || label < 0 || label >= maxClasses) {
      throw new Error(
        `${source}: expected labels from 0 to ${maxClasses - 1}, got ${label} for "${name}". Download it again.`,
      );
    }
    names[label] ??= name;
    if (names[label] !== name) {
      throw new Error(
        `${source}: expected one name for each label, got "${names[label]}" and "${name}" for label ${label}. Download it again.`,
      );
    }
  }
  const gap = Array.from<string | undefined>(names).indexOf(undefined);
  if (gap >= 0 || names.length === 0) {
    throw new Error(
      `${source}: expected images of every label, got none of label ${Math.max(gap, 0)}. Download it again.`,
    );
  }
  return names;
}

// Bounds the memory that a damaged list can ask for; the largest dataset has 1,000 classes.
const maxClasses = 100_000;
