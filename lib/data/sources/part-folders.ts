import { extname, join } from "node:path";
import { list } from "./collection.js";
import type { FolderOptions } from "./folders.js";
import { imageExtensions } from "./image-extensions.js";
import { type Entry, entriesOf } from "./image-tree.js";
import { isPartName, type Part, partOfName } from "./part-names.js";

/** A folder in the root of a dataset. */
export interface TopFolder {
  readonly name: string;
  readonly part: Part | undefined;
  /** Folders of classes can be in it. */
  readonly hasFolders: boolean;
  /** It is called like a part, and has images of which no folder tells the class. */
  readonly isFlat: boolean;
}

/** Folders beside each other, with the parts that their names and contents tell. */
export async function describeFolders(folders: readonly Entry[]): Promise<TopFolder[]> {
  const described: TopFolder[] = [];
  for (const { name, path } of folders) {
    const part = partOfName(name);
    const entries = part === undefined ? [] : await entriesOf(path);
    const hasFolders = entries.some(({ kind }) => kind === "folder");
    const isFlat = !hasFolders && isPartName(name) && entries.some(isImage);
    described.push({ name, part, hasFolders, isFlat });
  }
  return described;
}

function isImage({ name, kind }: Entry): boolean {
  return kind === "file" && imageExtensions.has(extname(name).toLowerCase());
}

/**
 * A class may be called "train" or "test tube". A folder is a part if it holds folders, and is called so
 * alone or all its neighbours are parts.
 */
function tellingFolders(folders: readonly TopFolder[]): TopFolder[] {
  const telling = folders.filter(({ hasFolders }) => hasFolders);
  const isComplete = telling.length === folders.length && new Set(telling.map(({ part }) => part)).size > 1;
  return isComplete ? telling : telling.filter(({ name }) => isPartName(name));
}

/** Training or test images lie in a folder of their own. */
export function hasParts(folders: readonly TopFolder[]): boolean {
  return tellingFolders(folders).some(({ part }) => part !== "validation");
}

/** Folders of each part, relative to the root. */
export type PartFolders = Partial<Record<Part, readonly string[]>>;

/**
 * The folders that are parts of a dataset.
 * @returns nothing if the folders are classes
 * @throws if a part is missing, or the images of a part have no labels
 */
export function partFolders(
  options: FolderOptions,
  folders: readonly TopFolder[],
  warnings: string[],
): PartFolders | undefined {
  const { name, root, trainFolder, validationFolder, testFolder } = options;
  const chosen = [trainFolder, validationFolder, testFolder].flatMap((folder) => folder ?? []);
  checkLabelled(options, folders);
  if (trainFolder === undefined && testFolder === undefined && !hasParts(folders)) return undefined;
  const telling = tellingFolders(folders).filter((folder) => !chosen.includes(folder.name));
  const called = (part: Part, folder: string | undefined) => {
    if (folder !== undefined) return [folder];
    const found = telling.filter((folder) => folder.part === part).map(({ name }) => name);
    const plain = found.find((name) => /^\p{L}+$/u.test(name)); // rather than all of "val" and "validation"
    if (plain !== undefined) return [plain];
    return found.length > 0 ? found : undefined;
  };
  const train = called("train", trainFolder);
  let validation = called("validation", validationFolder);
  let test = called("test", testFolder);
  if (test === undefined && validation !== undefined && validationFolder === undefined) {
    warnings.push(`There is no folder for tests: the images of ${validation.join(" and ")}/ are tested on.`);
    [test, validation] = [validation, undefined];
  }
  const unlabelled = folders.filter(({ part, isFlat }) => isFlat && part === "test").map(({ name }) => name);
  if (unlabelled.length > 0 && testFolder === undefined) {
    const drawn = test === undefined ? ": test images are drawn from those for training" : "";
    warnings.push(`${unlabelled.join(" and ")}/ has images and no class folders, so no labels${drawn}.`);
  }
  if (train === undefined || (test === undefined && unlabelled.length === 0)) {
    const [missing, option] = train === undefined ? ["train", "trainFolder"] : ["test", "testFolder"];
    throw new Error(
      `Dataset ${name}: expected a folder at ${join(root, missing)}, got ENOENT. Check the path; there are ` +
        `${list(folders.map(({ name }) => name))}: name the one to use with ${option}.`,
    );
  }
  const used = new Set([...train, ...(validation ?? []), ...(test ?? []), ...unlabelled]);
  const unused = folders.filter(({ name }) => !used.has(name)).map(({ name }) => `${name}/`);
  if (unused.length > 0) warnings.push(`Folders that are no part were passed over: ${list(unused)}.`);
  return { train, validation, test };
}

/** @throws if the images of a part have no labels, and nothing takes their place */
function checkLabelled(
  { name, root, classes, testFolder }: FolderOptions,
  folders: readonly TopFolder[],
): void {
  const flat = folders.filter(({ isFlat }) => isFlat);
  const chosen = flat.find(({ name }) => name === testFolder);
  if (chosen !== undefined) {
    throw new Error(
      `Dataset ${name}: expected a folder per class in ${join(root, chosen.name)}, got images and no class folders, so no labels. ` +
        "Leave testFolder out to draw test images from those for training, or list the images with their labels as a manifest.",
    );
  }
  const isAll = flat.length === folders.length && flat.some(({ part }) => part === "train");
  if (classes === undefined && isAll && new Set(flat.map(({ part }) => part)).size > 1) {
    const names = list(flat.map(({ name }) => `${name}/`));
    throw new Error(
      `Dataset ${name}: expected a folder per class in ${root}, got ${names} with images and no class folders, so no labels. ` +
        "List the images with their labels as a manifest, or choose these folders as classes if they are such.",
    );
  }
}

export async function foldersIn(folder: Entry["path"]): Promise<Entry[]> {
  return (await entriesOf(folder)).filter(({ kind }) => kind === "folder");
}
