import { readdir, realpath, stat } from "node:fs/promises";
import { extname, isAbsolute, join } from "node:path";
import { glob, isDynamicPattern } from "tinyglobby";
import { imageExtensions } from "./image-extensions.js";
import { isJunkPath } from "./junk.js";
import { kindOfFile } from "./passed-over.js";

/** The path of an image as it was given or matched; or a place without images, and why. */
export type ListedImage =
  | { readonly path: string; readonly reason?: undefined }
  | { readonly path: string; readonly reason: string };

/**
 * Image files by path, by folder, or by glob pattern, for shells that do not expand them. Files and what a
 * pattern matches count as images whatever they are called. In folders, and all below them, the files with
 * the extension of an image count. Each place is sorted, and each path comes once.
 *
 * The stream holds the names of one folder at a time. With several places, it remembers listed paths, to tell
 * those that are named twice.
 * @param onPassedOver told of the files of folders that do not count as images, each by its kind
 */
export async function* listImages(
  places: readonly string[],
  onPassedOver: (kind: string) => void = () => {},
): AsyncGenerator<ListedImage, void, undefined> {
  const listed = places.length > 1 ? new Set<string>() : undefined;
  for (const place of places) {
    const { files, reason } = await openPlace(place, onPassedOver);
    let isEmpty = true;
    for await (const path of files) {
      isEmpty = false;
      if (listed?.has(path)) continue;
      listed?.add(path);
      yield { path };
    }
    if (isEmpty) yield { path: place, reason };
  }
}

interface Place {
  readonly files: Iterable<string> | AsyncIterable<string>;
  /** Why there are none, if there are none. */
  readonly reason: string;
}

async function openPlace(place: string, onPassedOver: (kind: string) => void): Promise<Place> {
  const found = await stat(place).catch(() => undefined);
  if (found?.isDirectory())
    return { files: imagesBelow(place, onPassedOver), reason: "the folder holds no images" };
  if (found !== undefined) return { files: [place], reason: "" };
  if (!isDynamicPattern(place)) return { files: [], reason: "there is no such file" };
  const matches = await glob(place, { absolute: isAbsolute(place), expandDirectories: false });
  return { files: matches.sort(), reason: "no file matches the pattern" };
}

/**
 * Depth first, which is the order of the whole paths where a folder counts with its slash. Hidden files and
 * folders are left out, and links that lead back.
 */
async function* imagesBelow(
  folder: string,
  onPassedOver: (kind: string) => void,
  above: readonly string[] = [],
): AsyncGenerator<string, void, undefined> {
  const real = await realpath(folder);
  if (above.includes(real)) return;
  const names = await sortedNames(folder, onPassedOver);
  for (const name of names) {
    const path = join(folder, name);
    if (name.endsWith("/")) yield* imagesBelow(path.slice(0, -1), onPassedOver, [...above, real]);
    else if (imageExtensions.has(extname(name).toLowerCase())) yield path;
    else if (!isJunkPath(name)) onPassedOver(kindOfFile(path));
  }
}

/** Names in a folder, those of folders with a slash. Links to nothing are passed over. */
async function sortedNames(folder: string, onPassedOver: (kind: string) => void): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const target = entry.isSymbolicLink()
      ? await stat(join(folder, entry.name)).catch(() => undefined)
      : entry;
    if (target?.isDirectory()) names.push(`${entry.name}/`);
    else if (target?.isFile()) names.push(entry.name);
    else if (target === undefined) onPassedOver("links to nothing");
  }
  return names.sort();
}
