import { access, readdir, readFile, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { decodeText } from "../../options/index.js";
import { isJunk } from "../sources/junk.js";

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** @throws if a file that belongs to a dataset cannot be read */
export async function readPart(path: string): Promise<Buffer> {
  return readFile(path).catch(missing(path));
}

/** The lines of a text file that are not blank, without blanks at their ends. */
export async function readLines(path: string): Promise<string[]> {
  const text = decodeText(await readPart(path), path);
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "");
}

export async function readJson(path: string): Promise<unknown> {
  const text = decodeText(await readPart(path), path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new Error(`${path}: expected JSON, got an error: ${reason}. Download it again.`, { cause });
  }
}

/** Visible subfolders, links followed, sorted by code unit as Python does. */
export async function folderNames(folder: string): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(missing(folder))) {
    if (isJunk(entry.name)) continue;
    const target = entry.isSymbolicLink() ? await stat(join(folder, entry.name)).catch(() => entry) : entry;
    if (target.isDirectory()) names.push(entry.name);
  }
  return names.sort();
}

/** Visible JPEG files, sorted by code unit as Python does. */
export async function imageNames(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(missing(folder));
  return names.filter((name) => !name.startsWith(".") && /^\.jpe?g$/i.test(extname(name))).sort();
}

function missing(path: string): (cause: NodeJS.ErrnoException) => never {
  return (cause) => {
    throw new Error(
      `${path}: expected a part of the dataset, got ${cause.code}. Unpack the archives of the dataset again, or choose another split source.`,
      { cause },
    );
  };
}
