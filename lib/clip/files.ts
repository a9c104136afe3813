import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkRegularFile, recognise } from "../files/index.js";
import { decodeText, printable } from "../options/index.js";

/** Contents of the files of a directory by name. */
export type DirectoryFiles = ReadonlyMap<string, Buffer>;

/** Configurations, vocabularies and indices are a few megabytes; tokenizers of many languages some dozens. */
const mostBytes = 2 ** 28;

/** Reads a file that is no weights. @throws if it is no file or too large for one, naming it */
export function readSmallFile(path: string): Buffer {
  checkRegularFile(path, mostBytes);
  return readFileSync(path);
}

/** Reads those of the named files that exist. */
export function readDirectory(directory: string, names: readonly string[]): DirectoryFiles {
  const present = names.filter((name) => existsSync(join(directory, name)));
  return new Map(present.map((name) => [name, readSmallFile(join(directory, name))]));
}

/** @param directory named in errors, as is `path`   @throws if the file is missing or not JSON */
export function parseJson(
  files: DirectoryFiles,
  name: string,
  directory: string,
  path = join(directory, name),
): unknown {
  const content = files.get(name);
  if (content === undefined) {
    throw new Error(
      `${path} is missing: expected a Hugging Face directory of a CLIP or SigLIP. Check the path, or download the model again.`,
    );
  }
  try {
    return JSON.parse(decodeText(content, path));
  } catch (cause) {
    throw notJson(content, path, cause as Error);
  }
}

/** The error about content that is not JSON, which says what it is where its first bytes tell. */
export function notJson(content: Buffer, path: string, cause: Error): Error {
  const found = recognise(content);
  const message =
    found === undefined
      ? `not valid JSON: ${printable(cause.message)}. Copy or download it again.`
      : `${found.what}: expected JSON. ${found.advice}`;
  return new Error(`${path}: ${message}`, { cause });
}
