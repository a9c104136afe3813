import type { Dirent, Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { extname, join, posix } from "node:path";
import { checkOptions, type OptionKeys } from "../options/index.js";
import {
  type CollectionOptions,
  collect,
  collectionOptionKeys,
  type LabelledImage,
  namedLabels,
  type Parts,
} from "./collection.js";
import { FileExample } from "./file-example.js";
import { imageExtensions } from "./image-extensions.js";
import type { Dataset } from "./types.js";

export interface FolderOptions extends CollectionOptions {
  /** Holds `train/<class>/*`, `test/<class>/*` and perhaps `val/<class>/*`, or just `<class>/*`. */
  readonly root: string;
  /** Default: `train`. */
  readonly trainFolder?: string;
  /** Default: `val` or `validation`, where there is one. */
  readonly validationFolder?: string;
  /** Default: `test`. */
  readonly testFolder?: string;
}

const optionKeys: OptionKeys<FolderOptions> = {
  ...collectionOptionKeys,
  root: true,
  trainFolder: true,
  validationFolder: true,
  testFolder: true,
};

/**
 * Describes a folder of class folders. Paths are sorted, hidden entries and files that are no images are passed over, and no image is
 * opened yet.
 * @throws if the root or a part is missing, a class has no images, two classes have one name, or train and test differ
 */
export async function openFolder(options: FolderOptions): Promise<Dataset> {
  checkOptions(options, optionKeys, "openFolder");
  const { name, root } = options;
  const folders = await subfolders(root, name);
  if (!(await isSplit(options, folders))) {
    return collect(options, await classImages(options, "", folders), folders);
  }
  const parts = await partFolders(options, folders);
  const open = async (part: string) => {
    const found = await subfolders(join(root, part), name);
    return { found, images: await classImages(options, part, found) };
  };
  const train = await open(parts.train);
  const validation = parts.validation === undefined ? undefined : await open(parts.validation);
  const test = await open(parts.test);
  const declared = new Set([train, validation, test].flatMap((part) => part?.found ?? []));
  const images = { train: train.images, validation: validation?.images, test: test.images };
  return collect(options, images, [...declared].sort());
}

/** Whether `root` holds parts. A folder called `train` may also be a class: then it holds images rather than folders. */
async function isSplit(options: FolderOptions, folders: readonly string[]): Promise<boolean> {
  if (options.trainFolder !== undefined || options.testFolder !== undefined) return true;
  return (await firstPart(options.root, ["train", "test"], folders)) !== undefined;
}

async function partFolders(options: FolderOptions, folders: readonly string[]): Promise<Parts<string>> {
  const { root, trainFolder: train = "train", testFolder: test = "test" } = options;
  const names = ["val", "validation"].filter((folder) => folder !== train && folder !== test);
  const validation = options.validationFolder ?? (await firstPart(root, names, folders));
  return { train, validation, test };
}

/** The first of these folders that is there and holds folders. */
async function firstPart(root: string, names: readonly string[], folders: readonly string[]) {
  for (const part of names) {
    if (folders.includes(part) && (await foldersIn(join(root, part))).length > 0) return part;
  }
  return undefined;
}

/** The images in the class folders of a part that are to be used. @param part relative to the root */
async function classImages(
  { name, root, classes }: FolderOptions,
  part: string,
  folders: readonly string[],
): Promise<LabelledImage[]> {
  const chosen = namedLabels(classes ?? folders);
  const images: LabelledImage[] = [];
  for (const folder of [...chosen.keys()].filter((folder) => folders.includes(folder))) {
    const path = join(root, part, folder);
    const files = await imageFiles(path);
    if (files.length === 0) {
      throw new Error(
        `Class "${chosen.get(folder)}" of ${name}: expected images (${[...imageExtensions].join(" ")}) in ${path}, got none. ` +
          "Add images or leave the class out.",
      );
    }
    for (const file of files) {
      const example = (label: number) => new FileExample(root, posix.join(part, folder, file), label);
      images.push({ label: folder, example });
    }
  }
  return images;
}

async function subfolders(root: string, name: string): Promise<string[]> {
  const folders = await foldersIn(root).catch((cause: NodeJS.ErrnoException) => {
    throw new Error(`Dataset ${name}: expected a folder at ${root}, got ${cause.code}. Check the path.`, {
      cause,
    });
  });
  if (folders.length === 0) {
    throw new Error(
      `Dataset ${name}: expected a folder per class in ${root}, got none. Put the images of each class in a folder of their own.`,
    );
  }
  return folders;
}

async function foldersIn(folder: string): Promise<string[]> {
  return select(folder, (entry) => entry.isDirectory());
}

async function imageFiles(folder: string): Promise<string[]> {
  const files = await select(folder, (entry) => entry.isFile());
  return files.filter((file) => imageExtensions.has(extname(file).toLowerCase()));
}

/** Names of the visible entries of one kind, links followed. Sorted by code unit: the same order in every locale. */
async function select(folder: string, isWanted: (entry: Dirent | Stats) => boolean): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".")) continue;
    const target = entry.isSymbolicLink() ? await stat(join(folder, entry.name)) : entry;
    if (isWanted(target)) names.push(entry.name);
  }
  return names.sort();
}
