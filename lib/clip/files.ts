import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Contents of the files of a directory by name. */
export type DirectoryFiles = ReadonlyMap<string, Buffer>;

/** Reads those of the named files that exist. */
export function readDirectory(directory: string, names: readonly string[]): DirectoryFiles {
  const present = names.filter((name) => existsSync(join(directory, name)));
  return new Map(present.map((name) => [name, readFileSync(join(directory, name))]));
}

/** @param directory named in errors   @throws if the file is missing or not JSON */
export function parseJson(files: DirectoryFiles, name: string, directory: string): unknown {
  const path = join(directory, name);
  const content = files.get(name);
  if (content === undefined) {
    throw new Error(
      `${path} is missing: expected a Hugging Face CLIP directory. Check the path, or download the model again.`,
    );
  }
  try {
    return JSON.parse(content.toString("utf8"));
  } catch (cause) {
    throw new Error(`${path}: not valid JSON: ${(cause as Error).message}. Copy or download it again.`, {
      cause,
    });
  }
}
