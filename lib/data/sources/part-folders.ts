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
    const entries = part === undefined ? [] : await entriesIn(path, part);
    const hasFolders = entries.some(({ kind }) => kind === "folder");
    const isFlat = !hasFolders && isPartName(name) && entries.some(isImage);
    const lists = entries.filter(({ name }) => /\.(csv|tsv|jsonl)$/i.test(name)).map(({ name }) => name);
    described.push({ name, part, hasFolders, isFlat, lists });
  }
  return described;
}

/**
 * The entries of a folder, or of a doubled one without classes: test images often lie in `test/test/1.jpg`.
 * Those for training do not, where `train` is the name of the only class.
 */
async function entriesIn(folder: Entry["path"], part: Part): Promise<Entry[]> {
  const entries = await entriesOf(folder);
  const [only] = entries;
  if (part === "train" || entries.length !== 1 || only?.kind !== "folder") return entries;
  if (partOfName(only.name) !== part) return entries;
  const inside = await entriesOf(only.path);
  return inside.some(({ kind }) => kind === "folder") ? entries : inside;
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

/** Folders for training with those for something else whose names differ in the part alone. */
function alike(telling: readonly TopFolder[]): TopFolder[] {
  const partsOf = new Map<string, Set<Part | undefined>>();
  for (const { name, part } of telling) {
    const others = otherWords(name);
    partsOf.set(others, (partsOf.get(others) ?? new Set()).add(part));
  }
  return telling.filter(({ name }) => {
    const parts = partsOf.get(otherWords(name));
    return parts?.has("train") && parts.size > 1;
  });
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
  const { root, trainFolder, validationFolder, testFolder } = options;
  const chosen = [trainFolder, validationFolder, testFolder].flatMap((folder) => folder ?? []);
  checkLabelled(options, folders);
  if (trainFolder === undefined && testFolder === undefined && !hasParts(folders)) return undefined;
  const telling = tellingFolders(folders).filter((folder) => !chosen.includes(folder.name));
  const called = (part: Part, folder: string | undefined) => {
    if (folder !== undefined) return [folder];
    const found = telling.filter((folder) => folder.part === part).map(({ name }) => name);
    // Rather than all of "val" and "validation"; but "trainA" and "trainB" are both.
    const plain = found.find((name) => isPartName(name) && /^\p{L}+$/u.test(name));
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
  for (const together of [train, validation, test]) {
    const isMixed = new Set(together?.map(otherWords)).size > 1; // perhaps masks beside images
    if (isMixed) warnings.push(`${together?.join("/ and ")}/ are read together.`);
  }
  const unlabelled = folders.filter(({ part, isFlat }) => isFlat && part === "test").map(({ name }) => name);
  if (unlabelled.length > 0 && testFolder === undefined) {
    const drawn = test === undefined ? ": test images are drawn from those for training" : "";
    warnings.push(`${unlabelled.join(" and ")}/ has images and no class folders, so no labels${drawn}.`);
  }
  if (train === undefined) throw withoutPart("train", options, folders);
  const used = new Set([...train, ...(validation ?? []), ...(test ?? []), ...unlabelled]);
  const unused = folders.filter(({ name }) => !used.has(name)).map(({ name }) => `${name}/`);
  if (test === undefined && unlabelled.length === 0) {
    const hasOthers = folders.some(({ name }) => !used.has(name) && !isPartName(name));
    // They may be for tests, or `train` and they are classes.
    if (hasOthers) {
      const drawing = `To draw test images, give ${join(root, train[0] ?? "")} as root`;
      const others = `${drawing}; if ${train[0]} is a class, list the images as a manifest.`;
      throw withoutPart("test", options, folders, others);
    }
    warnings.push("There is no folder for tests: test images are drawn from those for training.");
  }
  if (unused.length > 0) warnings.push(`Folders that are no part were passed over: ${list(unused)}.`);
  return { train, validation, test };
}

/** @param others further advice */
function withoutPart(
  part: "train" | "test",
  { name, root }: FolderOptions,
  folders: readonly TopFolder[],
  others?: string,
): Error {
  const advice = [`name the one to use with ${part}Folder.`, others].filter(Boolean).join(" ");
  return new Error(
    `Dataset ${name}: expected a folder at ${join(root, part)}, got ENOENT. Check the path; there are ` +
      `${list(folders.map(({ name }) => name))}: ${advice}`,
  );
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

/**
 * The folders of each part, or the only folder in each, as in `seg_train/seg_train`. A class may be called
 * `train`: it is one unless the only folder in those of every part is called like the part.
 */
export async function innermost(root: string, parts: PartFolders): Promise<PartFolders> {
  const found: Partial<Record<Part, string[]>> = {};
  for (const [part, folders] of Object.entries(parts) as [Part, readonly string[] | undefined][]) {
    for (const folder of folders ?? []) {
      const only = await onlyPartIn(root, folder);
      if (only === undefined) return parts;
      found[part] = [...(found[part] ?? []), only];
    }
  }
  return innermost(root, found);
}

async function onlyPartIn(root: string, folder: string): Promise<string | undefined> {
  const entries = await entriesOf(join(root, folder)).catch(() => []); // whoever reads the classes tells why
  const [only, ...others] = entries.filter(({ kind }) => kind === "folder");
  if (only === undefined || others.length > 0 || entries.some(isImage)) return undefined;
  const part = partOfName(only.name);
  if (part === undefined || part !== partOfName(basename(folder))) return undefined;
  return (await foldersIn(only.path)).length > 0 ? posix.join(folder, only.name) : undefined;
}

/** How many images lie in a folder itself, of which no class folder tells the label. */
export async function imagesBeside(folder: Entry["path"]): Promise<number> {
  return (await entriesOf(folder)).filter(isImage).length;
}
