import { realpath } from "node:fs/promises";
import { basename, extname, join, posix, sep } from "node:path";
import { list } from "./collection.js";
import type { FolderOptions } from "./folders.js";
import { imageExtensions } from "./image-extensions.js";
import { type Entry, entriesOf } from "./image-tree.js";
import { isPartName, otherWords, type Part, partOfName } from "./part-names.js";

/** A folder in the root of a dataset. */
export interface TopFolder {
  readonly name: string;
  readonly part: Part | undefined;
  /** Folders of classes can be in it. */
  readonly hasFolders: boolean;
  /** It is called like a part, and has images of which no folder tells the class. */
  readonly isFlat: boolean;
  /** Tables in it, which may list its images. */
  readonly lists: readonly string[];
}

/** Folders beside each other, with the parts that their names and contents tell. */
export async function describeFolders(folders: readonly Entry[]): Promise<TopFolder[]> {
  const described: TopFolder[] = [];
  for (const { name, path } of folders) {
    const part = partOfName(name);
    const entries = part === undefined ? [] : await entriesOf(path);
    const hasFolders = entries.some(({ kind }) => kind === "folder");
    const isFlat = !hasFolders && isPartName(name) && entries.some(isImage);
    const lists = entries.filter(({ name }) => /\.(csv|tsv|jsonl)$/i.test(name)).map(({ name }) => name);
    described.push({ name, part, hasFolders, isFlat, lists });
  }
  return described;
}

function isImage({ name, kind }: Entry): boolean {
  return kind === "file" && imageExtensions.has(extname(name).toLowerCase());
}

/**
 * A class may be called "train" or "test tube". A folder is a part if it holds folders, and is called so
 * alone or all its neighbours are parts. So are `seg_train` and `seg_test`, which differ in the part alone.
 */
function tellingFolders(folders: readonly TopFolder[]): TopFolder[] {
  const telling = folders.filter(({ hasFolders }) => hasFolders);
  const isComplete = telling.length === folders.length && new Set(telling.map(({ part }) => part)).size > 1;
  if (isComplete) return telling;
  const alone = telling.filter(({ name }) => isPartName(name));
  return alone.length > 0 ? alone : alike(telling);
}

/** Folders for training and for something else whose names differ in the part alone. */
function alike(telling: readonly TopFolder[]): TopFolder[] {
  for (const { name, part } of telling) {
    if (part !== "train") continue;
    const found = telling.filter((folder) => otherWords(folder.name) === otherWords(name));
    if (found.some((folder) => folder.part !== "train")) return found;
  }
  return [];
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
 * @throws if there is no part for training, or the images of a part have no labels
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
  if (train === undefined) {
    throw new Error(
      `Dataset ${name}: expected a folder at ${join(root, "train")}, got ENOENT. Check the path; there are ` +
        `${list(folders.map(({ name }) => name))}: name the one to use with trainFolder.`,
    );
  }
  if (test === undefined && unlabelled.length === 0) {
    warnings.push("There is no folder for tests: test images are drawn from those for training.");
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
  if (classes === undefined && flat.length > 0 && flat.length === folders.length) {
    const names = list(flat.map(({ name }) => `${name}/`));
    const lists = flat.flatMap(({ name, lists }) => lists.map((file) => `${name}/${file}`));
    const there =
      lists.length > 0
        ? `Give their list as manifest (${list(lists)})`
        : "List the images with their labels as a manifest";
    throw new Error(
      `Dataset ${name}: expected a folder per class in ${root}, got ${names} with images and no class folders, so no labels. ` +
        `${there}, or choose these folders as classes if they are such.`,
    );
  }
}

/** Folders in a folder, but for links to itself or to one above it. */
export async function foldersIn(folder: Entry["path"]): Promise<Entry[]> {
  const place = await realpath(folder, "utf8");
  const found: Entry[] = [];
  for (const entry of await entriesOf(folder)) {
    if (entry.kind !== "folder") continue;
    const target = await realpath(entry.path, "utf8");
    if (place !== target && !place.startsWith(target + sep)) found.push(entry);
  }
  return found;
}

/** The folder, or the one in it that tells the same part, as in `seg_train/seg_train`. */
export async function innermost(folder: string, path: string): Promise<string> {
  const entries = await entriesOf(path).catch(() => []); // whoever reads the classes tells why there are none
  const [only] = entries;
  if (entries.length !== 1 || only?.kind !== "folder" || partOfName(only.name) === undefined) return folder;
  if (partOfName(only.name) !== partOfName(basename(folder))) return folder;
  const inside = join(path, only.name);
  return (await foldersIn(inside)).length > 0 ? innermost(posix.join(folder, only.name), inside) : folder;
}

/** How many images lie in a folder itself, of which no class folder tells the label. */
export async function imagesBeside(folder: Entry["path"]): Promise<number> {
  return (await entriesOf(folder)).filter(isImage).length;
}
