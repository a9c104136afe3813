import { readdir } from "node:fs/promises";
import { join, posix } from "node:path";
import { FileExample } from "../sources/file-example.js";
import { isJunk } from "../sources/junk.js";
import type { DatasetDescriptor, Layout } from "./descriptor.js";
import { exists, folderNames } from "./files.js";

/** A layout that was recognised on disk. */
export class FoundLayout {
  readonly folder: string;
  readonly #above: ReadonlySet<string>;

  /** @param layouts all of the dataset, whose folders may lead the paths of a list */
  constructor(
    private readonly root: string,
    readonly layout: Layout,
    layouts: readonly Layout[],
  ) {
    this.folder = join(root, layout.folder);
    this.#above = foldersAbove(layouts);
  }

  /** A path inside the dataset's folder. */
  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** Path of a folder of images that the lists name so. */
  imageFolder(path = ""): string {
    return join(this.folder, this.imagePath(path));
  }

  /**
   * An image as the lists name it, without a leading slash or the folders that lead to the images.
   * @throws if it leads out of the dataset's folder
   */
  image(path: string, label: number): FileExample {
    const parts = path.replaceAll("\\", "/").replace(/^\/+/, "").split("/"); // CoOp on Windows writes backslashes
    const above = parts.findLastIndex((part, i) => i < parts.length - 1 && this.#above.has(part));
    const inside = parts.slice(above + 1);
    if (inside.includes("..")) {
      throw new Error(
        `${this.folder}: expected the lists to name images inside of it, got "${path}". Download the lists again.`,
      );
    }
    return new FileExample(this.folder, this.imagePath(inside.join("/")), label);
  }

  /**
   * Finds a file that users put into the dataset's folder, beside it, or into a folder `data_splits` at
   * either place.
   */
  async companion(name: string): Promise<string | undefined> {
    for (const path of this.companionPlaces(name)) if (await exists(path)) return path;
    return undefined;
  }

  /** The places where `companion` looks. */
  companionPlaces(name: string): string[] {
    const folders = [this.folder, join(this.root, posix.dirname(this.layout.folder)), this.root];
    const places = folders.flatMap((folder) => [join(folder, name), join(folder, "data_splits", name)]);
    return [...new Set(places)];
  }

  private imagePath(path: string): string {
    const { contains, imagePath = (inside) => posix.join(contains, inside) } = this.layout;
    return imagePath(path);
  }
}

/** @throws listing the places that were looked at, if the dataset is at none of them */
export async function findLayout(
  id: string,
  { layouts }: DatasetDescriptor,
  root: string,
): Promise<FoundLayout> {
  const found = async (layout: Layout) => new FoundLayout(root, await unwrapped(root, layout), layouts);
  for (const layout of layouts) {
    if (await exists(join(root, layout.folder, layout.contains))) return found(layout);
  }
  for (const layout of layouts) {
    for (const folder of await foldersLike(root, layout.folder)) {
      if (await exists(join(root, folder, layout.contains))) return found({ ...layout, folder });
    }
  }
  const places = layouts.map(({ title, folder, contains }) => `  ${join(root, folder, contains)} (${title})`);
  throw new Error(
    `Dataset ${id}: expected one of these places, got none of them. Put it at one; "codyra data prepare ${id}" says where to get it.\n` +
      places.join("\n"),
  );
}

/** Names of the folders above the images, which lists that people wrote begin with. */
function foldersAbove(layouts: readonly Layout[]): Set<string> {
  const places = layouts.flatMap(({ folder, contains, imagePath }) =>
    imagePath === undefined ? [folder, contains] : [folder],
  );
  return new Set(places.map((place) => posix.basename(place)).filter((name) => name !== "."));
}

/** The layout with its folder of images doubled, if that holds nothing but a folder of the same name. */
async function unwrapped(root: string, layout: Layout): Promise<Layout> {
  const { folder, contains, imagePath } = layout;
  const name = posix.basename(contains);
  if (imagePath !== undefined || name === ".") return layout;
  if (!(await exists(join(root, folder, contains, name)))) return layout;
  const names = await readdir(join(root, folder, contains)).catch(() => []);
  if (names.some((other) => other !== name && !isJunk(other))) return layout;
  return { ...layout, contains: posix.join(contains, name) };
}

/**
 * Folders that mirrors and archives make of a dataset's: of another case or without its dashes, and of such a
 * name once more inside.
 * @returns paths below the root, with forward slashes
 */
async function foldersLike(root: string, folder: string): Promise<string[]> {
  if (folder.includes("/")) return [];
  const alike = async (place: string) => {
    const names = await folderNames(place).catch(() => []);
    return names.filter((name) => keyOf(name) === keyOf(folder));
  };
  const found: string[] = [];
  for (const name of await alike(root)) {
    found.push(name);
    for (const inside of await alike(join(root, name))) found.push(`${name}/${inside}`);
  }
  return found;
}

function keyOf(name: string): string {
  return name.toLowerCase().replaceAll(/[-_ ]/g, "");
}
