/** Every key of an options type: the compiler demands all of them, and no other. */
export type OptionKeys<Options> = { readonly [Key in keyof Options]-?: true };

/**
 * Refuses an options object with a key that does not exist, which JavaScript would ignore.
 * @param where what takes the options, named in the error
 * @throws naming the key and the nearest one that exists
 */
export function checkOptions<Options extends object>(
  options: Options | undefined,
  keys: OptionKeys<Options>,
  where: string,
): void {
  for (const key in options) {
    if (Object.hasOwn(keys, key)) continue;
    const known = Object.keys(keys);
    const advice = known.length > 0 ? `Did you mean '${nearestName(key, known)}'?` : "Leave it out.";
    throw new TypeError(
      `${where}: expected options among ${known.join(", ") || "none"}, got '${key}'. ${advice}`,
    );
  }
}

/** The name that someone who wrote `name` most likely meant. @param names at least one */
export function nearestName(name: string, names: readonly string[]): string {
  const distances = names.map((candidate) => distance(name, candidate));
  return names[distances.indexOf(Math.min(...distances))]!;
}

/** From 0 for the same words to 1 for nothing in common. Abbreviations by initials, such as `lr`, are near. */
function distance(name: string, candidate: string): number {
  const [wanted, found] = [name, candidate].map((text) => text.replace(/[^a-z0-9]/gi, "").toLowerCase());
  if (wanted === found) return 0;
  if (wanted === initials(candidate)) return 0.1;
  const edits = editDistance(wanted!, found!) / Math.max(wanted!.length, found!.length);
  const isPart = wanted!.length > 2 && (found!.includes(wanted!) || wanted!.includes(found!));
  return isPart ? Math.min(edits, 0.2 + edits / 10) : edits;
}

/** Of `learningRate` or `learning_rate`: `lr`. */
function initials(name: string): string {
  return (name.match(/^[a-zA-Z]|[A-Z]|(?<=[^a-zA-Z0-9])[a-z]/g) ?? []).join("").toLowerCase();
}

/** Characters to add, drop or replace: Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
