import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Different words of 3 to 12 letters. */
export function classNames(count) {
  return Array.from({ length: count }, (_, i) => {
    const digits = (i + 676).toString(26); // three digits at least
    const letters = digits.replace(/./g, (digit) => String.fromCharCode(97 + Number.parseInt(digit, 26)));
    return letters.repeat(1 + (i % 4)).slice(0, 12);
  });
}

/** A file of generic words that are no class names, for tokenizers whose vocabulary has no whole words. */
export async function writeWords(directory, { classes, count }) {
  const path = join(directory, "words.txt");
  await writeFile(
    path,
    classNames(classes + count)
      .slice(classes)
      .join("\n"),
  );
  return path;
}
