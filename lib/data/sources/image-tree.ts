import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { imageExtensions } from "./image-extensions.js";
import { isJunk } from "./junk.js";
import type { PassedOver } from "./passed-over.js";

/** A path as the system has it: bytes where it is not UTF-8. */
export type SystemPath = string | Buffer;

export interface Entry {
  /** As text: of Windows-1252 where it is not UTF-8, which old archives have. */
  readonly name: string;
  readonly path: SystemPath;
  readonly kind: "file" | "folder" | "dangling" | "other";
}

/**
 * The entries of a folder but for hidden ones and other junk, links followed. Sorted by code unit: the same
 * order in every locale.
 */
export async function entriesOf(folder: SystemPath): Promise<Entry[]> {
  const found: Entry[] = [];
  for (const { name, path } of await namesIn(folder)) {
    if (!isJunk(name)) found.push({ name, path, kind: await kindOf(path) });
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function namesIn(folder: SystemPath): Promise<{ name: string; path: SystemPath }[]> {
  if (typeof folder === "string") {
    const names = await readdir(folder);
    if (!names.some((name) => name.includes("\uFFFD"))) {
      return names.map((name) => ({ name, path: join(folder, name) }));
    }
  }
  const names = await readdir(folder, { encoding: "buffer" });
  return names.map((bytes) => {
    const text = bytes.toString("utf8");
    const isText = Buffer.from(text).equals(bytes);
    const path = Buffer.concat([Buffer.from(folder), Buffer.from("/"), bytes]);
    return {
      name: isText ? text : new TextDecoder("windows-1252").decode(bytes),
      path: isText && typeof folder === "string" ? join(folder, text) : path,
    };
  });
}

async function kindOf(path: SystemPath): Promise<Entry["kind"]> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return "dangling";
  if (found.isDirectory()) return "folder";
  return found.isFile() ? "file" : "other";
}

export interface TreeImage {
  /** Relative to the folder, with forward slashes. */
  readonly name: string;
  readonly path: SystemPath;
}

/**
 * All images below a folder, those of a folder before those of its subfolders.
 * @param passedOver counts the other files
 */
export async function imagesBelow(
  folder: SystemPath,
  passedOver: PassedOver,
  prefix = "",
  above: readonly string[] = [],
): Promise<TreeImage[]> {
  const place = await realpath(folder, "utf8");
  if (above.includes(place)) return []; // a link to a folder above
  const entries = await entriesOf(folder);
  const images: TreeImage[] = [];
  for (const { name, path, kind } of entries) {
    if (kind === "dangling") passedOver.add("links to nothing");
    else if (kind === "other") passedOver.add("devices and sockets");
    if (kind !== "file") continue;
    if (imageExtensions.has(extname(name).toLowerCase())) images.push({ name: prefix + name, path });
    else passedOver.addFile(name);
  }
  for (const { name, path, kind } of entries) {
    if (kind !== "folder") continue;
    images.push(...(await imagesBelow(path, passedOver, `${prefix}${name}/`, [...above, place])));
  }
  return images;
}
