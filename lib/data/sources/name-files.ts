import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeText } from "../../options/index.js";

/**
 * Usual names of files beside the data that list class names; the first is that of clip-benchmark's shards.
 */
const fileNames = [
  "classnames.txt",
  "class_names.txt",
  "classes.txt",
  "labels.txt",
  "label_names.txt",
  "LOC_synset_mapping.txt",
  "words.txt",
];

export interface FoundNames {
  readonly names: ReadonlyMap<string, string>;
  readonly file: string;
}

/**
 * Reads the names of labels that are integers or WordNet ids from a file beside the data. The file has a name
 * per line, the first for label 0, or the label, blanks and the name on each line.
 * @param folders to look in, in order
 * @returns nothing if labels are words, or no file names all of them
 * @throws if such a file is in neither UTF-8 nor UTF-16
 */
export async function findNames(
  labels: readonly string[],
  folders: readonly string[],
): Promise<FoundNames | undefined> {
  const areIntegers = labels.every((label) => /^\d+$/.test(label));
  if (labels.length === 0 || !(areIntegers || labels.every((label) => /^[nvar]\d{8}$/.test(label)))) {
    return undefined;
  }
  for (const folder of new Set(folders)) {
    for (const fileName of fileNames) {
      const file = join(folder, fileName);
      const bytes = await readFile(file).catch(() => undefined);
      if (bytes === undefined) continue;
      const lines = decodeText(bytes, file).split(/\r?\n/);
      const names = namesByKey(lines, labels) ?? (areIntegers ? namesByLine(lines, labels) : undefined);
      if (names !== undefined) return { names, file };
    }
  }
  return undefined;
}

/** Names in lines such as `n01440764 tench, Tinca tinca` or `3: cat`; the first of several counts. */
function namesByKey(
  lines: readonly string[],
  labels: readonly string[],
): ReadonlyMap<string, string> | undefined {
  const found = new Map<string, string>();
  for (const line of lines) {
    const [, key, name] = /^\s*([nvar]?\d+)\s*[\s:,;=]\s*(\S.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined && name !== undefined) found.set(key, (name.split(",")[0] as string).trim());
  }
  return pick(found, labels);
}

function namesByLine(
  lines: readonly string[],
  labels: readonly string[],
): ReadonlyMap<string, string> | undefined {
  return pick(new Map(lines.map((line, i) => [String(i), line.trim()])), labels);
}

function pick(
  found: ReadonlyMap<string, string>,
  labels: readonly string[],
): Map<string, string> | undefined {
  const names = labels.map((label) => [label, found.get(label) ?? ""] as const);
  return names.every(([, name]) => name !== "") ? new Map(names) : undefined;
}
