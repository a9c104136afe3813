import { join, posix } from "node:path";
import { FileExample } from "../sources/file-example.js";
import type { DatasetDescriptor, Layout } from "./descriptor.js";
import { exists, folderNames } from "./files.js";

/** A layout that was recognised on disk. */
export class FoundLayout {
  readonly folder: string;

  constructor(
    private readonly root: string,
    readonly layout: Layout,
  ) {
    this.folder = join(root, layout.folder);
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
   * An image as the lists name it, a leading slash dropped.
   * @throws if it leads out of the dataset's folder
   */
  image(path: string, label: number): FileExample {
    const relative = path.replaceAll("\\", "/").replace(/^\/+/, ""); // CoOp on Windows writes backslashes
    if (relative.split(/[/\\]/).includes("..")) {
      throw new Error(
        `${this.folder}: expected the lists to name images inside of it, got "${path}". Download the lists again.`,
      );
    }
    return new FileExample(this.folder, this.imagePath(relative), label);
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
  for (const layout of layouts) {
    if (await exists(join(root, layout.folder, layout.contains))) return new FoundLayout(root, layout);
  }
  for (const layout of layouts) {
    for (const folder of await foldersLike(root, layout.folder)) {
      if (await exists(join(root, folder, layout.contains)))
        return new FoundLayout(root, { ...layout, folder });
    }
  }
  const places = layouts.map(({ title, folder, contains }) => `  ${join(root, folder, contains)} (${title})`);
  throw new Error(
    `Dataset ${id}: expected one of these places, got none of them. Put it at one; "codyra data prepare ${id}" says where to get it.\n` +
      places.join("\n"),
  );
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
