import type { Parts } from "./collection.js";

export type Part = keyof Parts<unknown>;

/** As Hugging Face `datasets` reads them from names, and what else is in use. */
const words: ReadonlyMap<string, Part> = new Map([
  ["train", "train"],
  ["training", "train"],
  ["trainset", "train"],
  ["trainingset", "train"],
  ["trainval", "train"],
  ["trn", "train"],
  ["val", "validation"],
  ["valid", "validation"],
  ["validation", "validation"],
  ["validate", "validation"],
  ["valset", "validation"],
  ["validationset", "validation"],
  ["dev", "validation"],
  ["devset", "validation"],
  ["devel", "validation"],
  ["development", "validation"],
  ["test", "test"],
  ["testing", "test"],
  ["testset", "test"],
  ["testingset", "test"],
  ["tst", "test"],
  ["eval", "test"],
  ["evaluation", "test"],
]);

/**
 * Words are runs of letters: `shop-Train_0001.tar` has the words shop, Train and tar. `trainImages` is two
 * words, too.
 */
const letters = /\p{Lu}?\p{Ll}+|\p{Lu}+(?!\p{Ll})|\p{L}+/gu;

/**
 * The part that a name tells: a word for it between separators or digits, in any case. The last of several
 * words counts; `train-val` is the union of both, which is trained on.
 */
export function partOfName(name: string): Part | undefined {
  const joined = name.replace(/(?<!\p{L})(train)[-_ +]?val(idation)?(?!\p{L})/iu, "trainval");
  const found = (joined.match(letters) ?? []).map((word) => words.get(word.toLowerCase()));
  return found.findLast((part) => part !== undefined);
}

/** The words of a name that tell no part: those of `seg_train` and `seg_test` are the same. */
export function otherWords(name: string): string {
  const found = (name.match(letters) ?? []).map((word) => word.toLowerCase());
  return found.filter((word) => !words.has(word)).join(" ");
}

/** Whether the name is nothing but a word for a part: `train`, `Test`, `val2017`. */
export function isPartName(name: string): boolean {
  return words.has(name.replace(/[^\p{L}]/gu, "").toLowerCase());
}

/** The part that a path tells, by the last name that tells one. @param path with forward slashes */
export function partOfPath(path: string): Part | undefined {
  for (const name of path.split("/").reverse()) {
    const part = partOfName(name);
    if (part !== undefined) return part;
  }
  return undefined;
}

/** The part that each of these paths tells, if all do and some are for training and some are not. */
export function partsOfPaths(paths: readonly string[]): readonly Part[] | undefined {
  const parts = paths.map(partOfPath);
  const isGiven = !parts.includes(undefined) && parts.includes("train") && new Set(parts).size > 1;
  return isGiven ? (parts as Part[]) : undefined;
}

/** A message for a split that is drawn although names seem to tell one. */
export function ignoredParts(paths: readonly string[]): string[] {
  const telling = paths.filter((path) => partOfPath(path) !== undefined);
  if (telling.length === 0) return [];
  return [
    `${telling.length} of ${paths.length} names seem to tell a part, such as ${telling[0]}, but not all do, or a part is missing. ` +
      "A random draw over all replaces it.",
  ];
}
