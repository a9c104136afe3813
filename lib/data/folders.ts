import type { Dirent, Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { extname, join, posix } from "node:path";
import { defaultTemplate } from "../clip/index.js";
import { FileExample } from "./file-example.js";
import { checkClassNames, checkTemplates } from "./names.js";
import { splitRandomly } from "./split.js";
import type { Dataset, Example, RandomSplit } from "./types.js";

export interface FolderOptions {
  readonly name: string;
  /** Holds `train/<class>/*` and `test/<class>/*`, or just `<class>/*`. */
  readonly root: string;
  /** Prompts with `{}` for the class name. Default: `"a photo of a {}."` */
  readonly templates?: string | readonly string[];
  /**
   * Which class folders to use and in which order: a list of folders, or a record from folder to class name. Default: all folders,
   * sorted by name. Without a record a class is called like its folder, with spaces for underscores.
   */
  readonly classes?: readonly string[] | Readonly<Record<string, string>>;
  /** Default: `train`. */
  readonly trainFolder?: string;
  /** Default: `test`. */
  readonly testFolder?: string;
  /** How to split when `root` holds the class folders themselves. Default: 80 % for training, seed 0. */
  readonly split?: Partial<RandomSplit>;
}

const imageExtensions = new Set([".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif"]);

/**
 * Describes a folder of class folders. Paths are sorted, hidden entries and files that are no images are passed over, and no image is
 * opened yet.
 * @throws if the root, a part or a class folder is missing, a class has no images, two classes have one name, or train and test differ
 */
export async function openFolder(options: FolderOptions): Promise<Dataset> {
  const { name, root, trainFolder = "train", testFolder = "test" } = options;
  const templates = [options.templates ?? defaultTemplate].flat();
  checkTemplates(name, templates);

  const folders = await subfolders(root, name);
  if (!(await isSplit(options, folders))) {
    const { classes, examples } = await openPart(options, "", folders);
    const split = { trainFraction: 0.8, seed: 0, ...options.split };
    const parts = splitRandomly({ name, classes, examples }, split);
    return { name, classes, templates, ...parts, validation: [], split };
  }

  const [trainRoot, testRoot] = [join(root, trainFolder), join(root, testFolder)];
  const [trainFolders, testFolders] = [await subfolders(trainRoot, name), await subfolders(testRoot, name)];
  if (options.classes === undefined) checkSameFolders(name, trainFolders, testFolders);
  const train = await openPart(options, trainFolder, trainFolders);
  const test = await openPart(options, testFolder, testFolders);
  return {
    name,
    classes: train.classes,
    templates,
    train: train.examples,
    validation: [],
    test: test.examples,
    split: "given",
  };
}

/** Whether `root` holds parts. A folder called `train` may also be a class: then it holds images rather than folders. */
async function isSplit(
  { root, trainFolder, testFolder }: FolderOptions,
  folders: readonly string[],
): Promise<boolean> {
  if (trainFolder !== undefined || testFolder !== undefined) return true;
  for (const part of ["train", "test"]) {
    if (folders.includes(part) && (await foldersIn(join(root, part))).length > 0) return true;
  }
  return false;
}

/** @param part folder of the class folders, relative to the root */
async function openPart(options: FolderOptions, part: string, folders: readonly string[]) {
  const root = join(options.root, part);
  const chosen = namedFolders(options.classes ?? folders);
  const classes = [...chosen.values()];
  checkClassNames(options.name, classes);
  const examples: Example[] = [];
  for (const [label, folder] of [...chosen.keys()].entries()) {
    if (!folders.includes(folder)) throw missing(options.name, join(root, folder), folders);
    const files = await imageFiles(join(root, folder));
    if (files.length === 0) {
      const extensions = [...imageExtensions].join(" ");
      throw new Error(
        `Class "${classes[label]}" of ${options.name}: expected images (${extensions}) in ${join(root, folder)}, got none. ` +
          "Add images or leave the class out.",
      );
    }
    for (const file of files) {
      examples.push(new FileExample(options.root, posix.join(part, folder, file), label));
    }
  }
  return { classes, examples };
}

/** Class names by folder, in label order. */
function namedFolders(classes: readonly string[] | Readonly<Record<string, string>>): Map<string, string> {
  if (!Array.isArray(classes)) return new Map(Object.entries(classes));
  return new Map(classes.map((folder: string) => [folder, folder.replaceAll("_", " ")]));
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

function checkSameFolders(name: string, train: readonly string[], test: readonly string[]): void {
  const onlyTrain = train.filter((folder) => !test.includes(folder));
  const onlyTest = test.filter((folder) => !train.includes(folder));
  if (onlyTrain.length + onlyTest.length === 0) return;
  throw new Error(
    `Dataset ${name}: expected the same class folders for training and testing, got only in training: ${list(onlyTrain)}; ` +
      `only in testing: ${list(onlyTest)}. Add the missing folders or name the classes to use.`,
  );
}

function missing(name: string, path: string, found: readonly string[]): Error {
  return new Error(
    `Dataset ${name}: expected a folder at ${path}, got only ${list(found)}. Check its spelling.`,
  );
}

function list(names: readonly string[]): string {
  if (names.length === 0) return "none";
  return names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");
}
