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
  /** Class names by label; nothing if no file names all labels. */
  readonly names?: ReadonlyMap<string, string>;
  /** Messages about files that do not fit the labels. */
  readonly warnings: readonly string[];
}

/**
 * Reads the names of labels that are integers or WordNet ids from a file beside the data. The file has a name
 * per line, the first for label 0, or the label, blanks and the name on each line.
 * @param folders to look in, in order
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
  const warnings: string[] = [];
  for (const folder of new Set(folders)) {
    for (const fileName of fileNames) {
      const file = join(folder, fileName);
      const bytes = await readFile(file).catch(() => undefined);
      if (bytes === undefined) continue;
      const lines = decodeText(bytes, file).split(/\r?\n/);
      const readings = [namesByKey(lines), ...(areIntegers ? [namesByLine(lines)] : [])];
      const picked = readings.map((names) => pick(names, labels));
      const whole = picked.find(({ size }) => size === labels.length);
      if (whole !== undefined) return { names: whole, warnings: [] };
      warnings.push(
        `${file} was set aside: it names ${Math.max(...picked.map(({ size }) => size))} of ${labels.length} classes. ` +
          "Give each label its line, or give the names with classes: { label: name }.",
      );
    }
  }
  return { warnings };
}

/** Names in lines such as `n01440764 tench, Tinca tinca` or `3: cat`; the first of several counts. */
function namesByKey(lines: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of lines) {
    const [, key, name] = /^\s*([nvar]?\d+)\s*[\s:,;=]\s*(\S.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined && name !== undefined) found.set(key, (name.split(",")[0] as string).trim());
  }
  return found;
}

function namesByLine(lines: readonly string[]): Map<string, string> {
  return new Map(lines.map((line, i) => [String(i), line.trim()]));
}

/** The names of those labels that have one. */
function pick(found: ReadonlyMap<string, string>, labels: readonly string[]): Map<string, string> {
  const names = labels.map((label) => [label, found.get(label) ?? ""] as const);
  return new Map(names.filter(([, name]) => name !== ""));
}
