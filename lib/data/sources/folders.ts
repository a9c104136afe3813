import { join, posix } from "node:path";
import { checkOptions, type OptionKeys } from "../../options/index.js";
import type { Dataset } from "../types.js";
import {
  type CollectionOptions,
  collect,
  collectionOptionKeys,
  type LabelledImage,
  labelsOf,
  list,
  namedLabels,
} from "./collection.js";
import { FileExample } from "./file-example.js";
import { imageExtensions } from "./image-extensions.js";
import { type Entry, entriesOf, imagesBelow } from "./image-tree.js";
import { findNames } from "./name-files.js";
import {
  describeFolders,
  foldersIn,
  hasParts,
  imagesBeside,
  innermost,
  partFolders,
} from "./part-folders.js";
import { ignoredParts, isPartName, type Part, partOfName, partsOfPaths } from "./part-names.js";
import { PassedOver } from "./passed-over.js";

export interface FolderOptions extends CollectionOptions {
  /** Holds `train/<class>/*`, `test/<class>/*` and perhaps `val/<class>/*`, or just `<class>/*`. */
  readonly root: string;
  /** Default: the folders that are called `train`, `training` or alike. */
  readonly trainFolder?: string;
  /** Default: those called `val`, `valid`, `validation`, `dev` or alike, where there are any. */
  readonly validationFolder?: string;
  /** Default: those called `test`, `testing` or alike; else those for validation. */
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
 * Describes a folder of class folders, each with all images below it. Paths are sorted, and no image is
 * opened yet. Files that are no images are counted in the warnings; hidden entries and what operating systems
 * leave behind are not.
 * @throws if the root or a part is missing, a class has no images, two classes have one name, or train and
 * test differ
 */
export async function openFolder(options: FolderOptions): Promise<Dataset> {
  checkOptions(options, optionKeys, "openFolder");
  const { name } = options;
  const warnings: string[] = [];
  const root = await unwrapped(options, warnings);
  const folders = await subfolders(root, name);
  const passedOver = new PassedOver();
  const outer = partFolders({ ...options, root }, await describeFolders(folders), warnings);
  const parts = outer === undefined ? undefined : await innermost(root, outer);
  const read = async (part: Part): Promise<ClassImages[] | undefined> => {
    if (parts?.[part] === undefined) return undefined;
    const found: ClassImages[] = [];
    for (const folder of parts[part]) {
      const classes = await subfolders(join(root, folder), name);
      found.push(await classImages(options, root, folder, classes, passedOver));
    }
    return found;
  };
  const [train, validation, test] = [await read("train"), await read("validation"), await read("test")];
  const flat = parts === undefined ? await classImages(options, root, "", folders, passedOver) : undefined;
  const all = [train, validation, test, flat].flatMap((part) => part ?? []);
  warnings.push(...sameFolders(all));
  const declared = [...new Set(all.flatMap(({ folders }) => folders))].sort();
  const names = await namesBeside(options, root, declared);
  const images = (part?: ClassImages[]) => part?.flatMap(({ images }) => images);
  const notes = () => ({ warnings: [...passedOver.warnings(), ...warnings], names });
  if (flat === undefined && test === undefined) {
    return collect(options, images(train) ?? [], ordered(declared), notes());
  }
  if (flat === undefined) {
    const given = { train: images(train) ?? [], validation: images(validation), test: images(test) ?? [] };
    return collect(options, given, ordered(declared), notes());
  }
  const told = partsOfPaths(flat.paths);
  if (told === undefined) {
    warnings.push(...ignoredParts(flat.paths));
    return collect(options, flat.images, ordered(declared), notes());
  }
  warnings.push("The parts are told by the names of files or folders within the classes.");
  const ofPart = (part: Part) => flat.images.filter((_, i) => told[i] === part);
  const given = { train: ofPart("train"), validation: ofPart("validation"), test: ofPart("test") };
  return collect(options, given, ordered(declared), notes());
}

/** Integers by value, others by code unit. */
function ordered(folders: readonly string[]): string[] {
  return labelsOf({ train: folders.map((label) => ({ label })), test: [] });
}

/**
 * The root, or the folder in it that has the parts, if each between them is alone. Archives are often
 * unpacked into a folder of their name, and that into another.
 */
async function unwrapped({ root, name, trainFolder, testFolder }: FolderOptions, warnings: string[]) {
  if (trainFolder !== undefined || testFolder !== undefined) return root;
  let folders = await subfolders(root, name);
  let inside = "";
  for (let depth = 0; depth < 4; depth++) {
    const [only] = folders;
    if (folders.length !== 1 || only === undefined || isPartName(only.name)) return root;
    inside = posix.join(inside, only.name);
    folders = await foldersIn(only.path);
    if (!hasParts(await describeFolders(folders))) continue;
    warnings.push(`The parts are in ${inside}/.`);
    return join(root, inside);
  }
  return root;
}

interface ClassImages {
  readonly folders: readonly string[];
  readonly images: readonly LabelledImage[];
  /** Path of each image, relative to its class folder. */
  readonly paths: readonly string[];
}

/** The images in the class folders of a part that are to be used. @param part relative to the root */
async function classImages(
  { name, classes }: FolderOptions,
  root: string,
  part: string,
  folders: readonly Entry[],
  passedOver: PassedOver,
): Promise<ClassImages> {
  passedOver.add("images beside class folders", await imagesBeside(join(root, part)));
  const names = folders.map(({ name }) => name);
  const chosen = namedLabels(classes ?? names);
  const images: LabelledImage[] = [];
  const paths: string[] = [];
  for (const label of chosen.keys()) {
    const folder = folders.find(({ name }) => name === label);
    if (folder === undefined) continue;
    const files = await imagesBelow(folder.path, passedOver);
    if (files.length === 0) {
      throw new Error(
        `Class "${chosen.get(label)}" of ${name}: expected images (${[...imageExtensions].join(" ")}) in ` +
          `${join(root, part, label)}, got none. Add images or leave the class out.${passedOver
            .warnings()
            .map((text) => ` ${text}`)
            .join("")}`,
      );
    }
    passedOver.use(files.length);
    for (const { name: file, path } of files) {
      const place = posix.join(part, label, file);
      const raw = typeof path === "string" ? undefined : path;
      images.push({ label, example: (index) => new FileExample(root, place, index, raw) });
      paths.push(file);
    }
  }
  return { folders: names, images, paths };
}

/**
 * A message where all class folders hold the same folders and nothing else. Unless they are parts, these are
 * probably the classes: `fold1/cat`, `fold2/cat`, or `images/train/cat`, `masks/train/cat`.
 */
function sameFolders(parts: readonly ClassImages[]): string[] {
  const inside = new Map<string, Set<string>>();
  for (const { images, paths } of parts) {
    for (const [i, path] of paths.entries()) {
      const label = (images[i] as LabelledImage).label;
      const inner = path.split("/").slice(0, -1);
      const first = inner.find((name) => partOfName(name) === undefined) ?? "";
      inside.set(label, (inside.get(label) ?? new Set<string>()).add(first));
    }
  }
  const sets = [...inside.values()].map((names) => [...names].sort());
  const [first = []] = sets;
  const isSame = sets.every((names) => names.join("/") === first.join("/"));
  if (sets.length < 2 || first.length < 2 || first.includes("") || !isSame) return [];
  return [
    `Each of the ${sets.length} class folders holds the same folders: ${list(first)}. ` +
      "If these are the classes, list the images as a manifest.",
  ];
}

async function adviceIn(root: string): Promise<string> {
  const archive = (await entriesOf(root)).find(({ name }) => /\.(zip|tar|tgz|gz|rar|7z)$/i.test(name));
  if (archive !== undefined) return `There is ${archive.name}: unpack it.`;
  return "Put the images of each class in a folder of their own.";
}

async function namesBeside({ classes }: FolderOptions, root: string, folders: readonly string[]) {
  if (classes !== undefined && !Array.isArray(classes)) return undefined;
  return findNames(folders, [root, join(root, "..")]);
}

async function subfolders(root: string, name: string): Promise<Entry[]> {
  const folders = await foldersIn(root).catch((cause: NodeJS.ErrnoException) => {
    throw new Error(`Dataset ${name}: expected a folder at ${root}, got ${cause.code}. Check the path.`, {
      cause,
    });
  });
  if (folders.length === 0) {
    throw new Error(
      `Dataset ${name}: expected a folder per class in ${root}, got none. ${await adviceIn(root)}`,
    );
  }
  return folders;
}
