import { stat } from "node:fs/promises";
import { dirname, relative, resolve, sep } from "node:path";
import { glob } from "tinyglobby";
import type { Parts } from "./collection.js";
import { isJunkPath } from "./junk.js";
import { ignoredParts, type Part, partOfPath } from "./part-names.js";

/** Folders, files and patterns such as `train-*.parquet` or `train-{000..012}.tar`. */
export type Patterns = string | readonly string[];

/** Endings of the files of one kind. */
export interface ShardKind {
  /** The ending of files that are read. */
  readonly read: string;
  /** Endings of files that are found as well, so that their reader says why it cannot read them. */
  readonly refused: readonly string[];
}

export const parquetShards: ShardKind = { read: ".parquet", refused: [] };
export const tarShards: ShardKind = {
  read: ".tar",
  refused: [".tar.gz", ".tgz", ".tar.zst", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"],
};

/** One of the files that a dataset is cut into. */
export interface Shard {
  readonly file: string;
  /** Its path relative to the folder that holds all of them, with forward slashes. */
  readonly name: string;
}

/**
 * Finds the files of a dataset, sorted. Parts that are not given are recognised by words such as `train`,
 * `valid` or `testing`. The words may stand anywhere in the name of the file, or else of the nearest folder
 * below the one that holds all.
 * @param kind endings of the files to look for in folders
 * @param isTold whether the content of the files tells the parts: names do not matter then
 * @returns all files where their names tell no part or only one
 * @throws if a pattern or folder yields no file, a file is in two parts, or only some files tell their part
 */
export async function findShards(
  dataset: string,
  source: Patterns | Parts<Patterns>,
  kind: ShardKind,
  isTold = false,
): Promise<Shard[] | Parts<Shard[]>> {
  if (typeof source === "object" && "train" in source) {
    const train = await findFiles(dataset, source.train, kind);
    const validation = await findFiles(dataset, source.validation ?? [], kind);
    const test = await findFiles(dataset, source.test, kind);
    return nameParts(dataset, { train, validation, test });
  }
  const files = await findFiles(dataset, source, kind);
  if (isTold) return nameFiles(files);
  const names = nameFiles(files).map(({ name }) => partOfPath(name));
  if (new Set(names).size <= 1 || names.every((name) => name === undefined || name === "train"))
    return nameFiles(files);
  const ofPart = (wanted: string) => files.filter((_, i) => names[i] === wanted);
  const [train, validation, test] = [ofPart("train"), ofPart("validation"), ofPart("test")];
  if (names.includes(undefined) || train.length === 0 || test.length + validation.length === 0) {
    throw incompleteParts(dataset, { train, validation, test }, files.length);
  }
  return nameParts(dataset, { train, validation, test });
}

/** The same where parts do not matter. @throws if a pattern or folder yields no file */
export async function findAllShards(dataset: string, source: Patterns, kind: ShardKind): Promise<Shard[]> {
  return nameFiles(await findFiles(dataset, source, kind));
}

/** The files with their part, where their names or the user tell one. */
export function withParts(shards: readonly Shard[] | Parts<Shard[]>): [Shard, Part | undefined][] {
  if (!("train" in shards)) return shards.map((shard) => [shard, undefined]);
  const { train, validation = [], test } = shards;
  return [
    ...train.map((shard): [Shard, Part] => [shard, "train"]),
    ...validation.map((shard): [Shard, Part] => [shard, "validation"]),
    ...test.map((shard): [Shard, Part] => [shard, "test"]),
  ];
}

function incompleteParts(
  dataset: string,
  { train, validation = [], test }: Parts<readonly unknown[]>,
  count: number,
): Error {
  return new Error(
    `Dataset ${dataset}: expected files for train and test, or for no part, got ${count} files: ` +
      `${train.length} for train, ${validation.length} for validation, ${test.length} for test. Name the files of each part, ` +
      "such as { train: …, test: … }.",
  );
}

/**
 * Warnings about files that are one part although names seem to tell more. No column or field divides them.
 * @throws if all are for tests or for validation
 */
export function undecidedParts(dataset: string, shards: readonly Shard[]): string[] {
  const told = shards.map(({ name }) => partOfPath(name));
  const [first] = told;
  if (first !== undefined && first !== "train" && new Set(told).size === 1) {
    throw incompleteParts(dataset, { train: [], test: [], [first]: shards }, shards.length);
  }
  if (told.every((part) => part === "train")) {
    return ["All files are for training: test images are drawn from them. Name those for tests as `test`."];
  }
  return ignoredParts(shards.map(({ name }) => name));
}

function nameParts(dataset: string, parts: Required<Parts<string[]>>): Parts<Shard[]> {
  const shards = nameFiles([...parts.train, ...parts.validation, ...parts.test]);
  const files = new Map(shards.map((shard) => [shard.file, shard]));
  if (files.size < shards.length) {
    throw new Error(
      `Dataset ${dataset}: expected each file in one part, got one in two. Make the patterns exclude each other.`,
    );
  }
  const named = (part: readonly string[]) => part.map((file) => files.get(file) as Shard);
  return { train: named(parts.train), validation: named(parts.validation), test: named(parts.test) };
}

function nameFiles(files: readonly string[]): Shard[] {
  const folders = files.map((file) => dirname(file));
  let root = folders[0] ?? "";
  while (!folders.every((folder) => folder === root || folder.startsWith(withSeparator(root))))
    root = dirname(root);
  return files.map((file) => ({ file, name: relative(root, file).replaceAll(sep, "/") }));
}

function withSeparator(folder: string): string {
  return folder.endsWith(sep) ? folder : folder + sep;
}

async function findFiles(dataset: string, source: Patterns, kind: ShardKind): Promise<string[]> {
  const files = new Set<string>();
  for (const given of [source].flat()) {
    const isThere = await stat(given).then(
      () => true,
      () => false,
    );
    for (const pattern of isThere ? [given] : expandRanges(given)) {
      const found = await filesAt(pattern, kind);
      if (found.length === 0) {
        throw new Error(
          `Dataset ${dataset}: expected files (${kind.read}) at ${pattern}, got none. ${await adviceAt(pattern)}`,
        );
      }
      for (const file of found) files.add(resolve(file));
    }
  }
  return [...files].sort();
}

/** `save_to_disk` of Hugging Face datasets writes Arrow files, which are often taken for an export. */
async function adviceAt(folder: string): Promise<string> {
  const arrow = await glob("**/*.arrow", { cwd: folder }).catch(() => []);
  if (arrow.length === 0) return "Check the path.";
  return `There is ${arrow[0]}, as save_to_disk writes it: write each part with to_parquet instead, such as train.parquet.`;
}

async function filesAt(pattern: string, kind: ShardKind): Promise<string[]> {
  const found = await stat(pattern).catch(() => undefined);
  if (found?.isFile()) return [pattern];
  if (found === undefined) return glob(pattern, { absolute: true, expandDirectories: false });
  const files = await glob(
    [kind.read, ...kind.refused].map((extension) => `**/*${extension}`),
    { cwd: pattern, absolute: true, caseSensitiveMatch: false },
  );
  return files.filter((file) => !isJunkPath(relative(pattern, file).replaceAll(sep, "/")));
}

const mostShards = 100_000;

/**
 * `a-{08..10}.tar` → `a-08.tar`, `a-09.tar`, `a-10.tar`: each of them must be there, unlike the matches of a
 * `*`.
 */
function expandRanges(pattern: string): string[] {
  const range = /\{(\d+)\.\.(\d+)\}/.exec(pattern);
  if (range === null) return [pattern];
  const [text, first = "", last = ""] = range;
  const count = Number(last) - Number(first) + 1;
  if (count < 1 || count > mostShards) {
    throw new RangeError(
      `${pattern}: expected a range of 1 to ${mostShards} files, got ${text}. Correct it.`,
    );
  }
  return Array.from({ length: count }, (_, i) =>
    String(Number(first) + i).padStart(first.length, "0"),
  ).flatMap((number) => expandRanges(pattern.replace(text, number)));
}
