import leven from "leven";

/** The name that someone who wrote `name` most likely meant. @param names at least one */
export function nearestName(name: string, names: readonly string[]): string {
  const distances = names.map((candidate) => distance(name, candidate));
  return names[distances.indexOf(Math.min(...distances))]!;
}

/**
 * From 0 for the same words to 1 for nothing in common. Abbreviations by initials, such as `lr`, are near.
 */
function distance(name: string, candidate: string): number {
  const [wanted, found] = [name, candidate].map((text) => text.replace(/[^a-z0-9]/gi, "").toLowerCase());
  if (wanted === found) return 0;
  if (wanted === initials(candidate)) return 0.1;
  const edits = leven(wanted!, found!) / Math.max(wanted!.length, found!.length);
  const isPart = wanted!.length > 2 && (found!.includes(wanted!) || wanted!.includes(found!));
  return isPart ? Math.min(edits, 0.2 + edits / 10) : edits;
}

/** Initials: `lr` of `learningRate` or `learning_rate`. */
function initials(name: string): string {
  return (name.match(/^[a-zA-Z]|[A-Z]|(?<=[^a-zA-Z0-9])[a-z]/g) ?? []).join("").toLowerCase();
}
