import { stat } from "node:fs/promises";
import { extname, isAbsolute, join } from "node:path";
import { glob, isDynamicPattern } from "tinyglobby";
import { imageExtensions } from "./image-extensions.js";
import { isJunkPath } from "./junk.js";
import { PassedOver } from "./passed-over.js";

export interface FoundImages {
  /** Paths as they were given or matched, each once. */
  readonly files: readonly string[];
  /** What no image was found for, and why. */
  readonly missing: readonly { readonly path: string; readonly reason: string }[];
  /** What to tell of the files of folders that do not count as images; nothing where all do. */
  readonly warnings: readonly string[];
}

/**
 * Image files by path, by folder, or by glob pattern, for shells that do not expand them. Files and what a
 * pattern matches count as images whatever they are called; of folders, with all below them, the files with
 * the extension of an image. Each place is sorted.
 */
export async function findImages(places: readonly string[]): Promise<FoundImages> {
  const files = new Set<string>();
  const missing: { path: string; reason: string }[] = [];
  const passedOver = new PassedOver();
  for (const place of places) {
    const found = await resolvePlace(place, passedOver);
    for (const file of found.files) files.add(file);
    if (found.reason !== undefined) missing.push({ path: place, reason: found.reason });
  }
  return { files: [...files], missing, warnings: passedOver.warnings() };
}

async function resolvePlace(
  place: string,
  passedOver: PassedOver,
): Promise<{ files: string[]; reason?: string }> {
  const kind = await kindOf(place);
  if (kind === "folder") return orReason(await imagesBelow(place, passedOver), "the folder holds no images");
  if (kind === "file") return { files: [place] };
  if (!isDynamicPattern(place)) return { files: [], reason: "there is no such file" };
  const matches = await glob(place, { absolute: isAbsolute(place), expandDirectories: false });
  return orReason(matches.sort(), "no file matches the pattern");
}

async function imagesBelow(folder: string, passedOver: PassedOver): Promise<string[]> {
  const files = await glob("**", { cwd: folder });
  const images = files.filter((file) => imageExtensions.has(extname(file).toLowerCase()));
  const taken = new Set(images);
  passedOver.use(images.length);
  for (const file of files) if (!taken.has(file) && !isJunkPath(file)) passedOver.addFile(file);
  return images.sort().map((file) => join(folder, file));
}

async function kindOf(path: string): Promise<"file" | "folder" | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  return found.isDirectory() ? "folder" : "file";
}

function orReason(files: string[], reason: string): { files: string[]; reason?: string } {
  return files.length > 0 ? { files } : { files, reason };
}
