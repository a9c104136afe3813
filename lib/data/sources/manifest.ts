import { existsSync } from "node:fs";
import { dirname, isAbsolute, normalize, relative, resolve, sep } from "node:path";
import { checkOptions, type OptionKeys } from "../../options/index.js";
import type { Dataset } from "../types.js";
import {
  type CollectionOptions,
  collect,
  collectionOptionKeys,
  type LabelledImage,
  type Parts,
} from "./collection.js";
import { FileExample } from "./file-example.js";
import { withHome } from "./home.js";
import { findNames } from "./name-files.js";
import { byPart, columnNamed, columnOfParts, partOfCell, unreadParts } from "./part-column.js";
import { ignoredParts, type Part, partsOfPaths } from "./part-names.js";
import { type FileRecord, readRecords } from "./records.js";

export interface ManifestOptions extends CollectionOptions {
  /** A `.csv`, `.tsv` or `.jsonl` file with a record per image; or one for each part. */
  readonly manifest: string | Parts<string>;
  /** Folder that the image paths are relative to. Default: that of the manifest. */
  readonly images?: string;
  /**
   * Holds the image path. Default: `image`, `path`, `file_name` or alike, whichever is there, in any case.
   */
  readonly imageColumn?: string;
  /** Holds the label: a name or an integer. Default: `label`. */
  readonly labelColumn?: string;
  /**
   * Holds the part: train, validation, test or words alike. Default: `split`, or else a column of nothing but
   * such words; without one, folders in the paths may tell. Not read when each part has its file.
   */
  readonly splitColumn?: string;
}

const optionKeys: OptionKeys<ManifestOptions> = {
  ...collectionOptionKeys,
  manifest: true,
  images: true,
  imageColumn: true,
  labelColumn: true,
  splitColumn: true,
};

/**
 * Describes the images that a list names. No image is opened yet.
 * @throws if the manifest is missing or broken, naming file and line, lists an image twice, or the classes do
 * not fit
 */
export async function openManifest(options: ManifestOptions): Promise<Dataset> {
  checkOptions(options, optionKeys, "openManifest");
  const { manifest } = options;
  const places = new Map<string, string>();
  if (typeof manifest === "string") {
    const { rows, hasParts, warnings } = await readManifest(options, manifest, places);
    const notes = { warnings, names: await namesBeside(rows, [manifest]) };
    const told = hasParts ? rows.map(({ part }) => part) : partsOfPaths(rows.map(({ name }) => name));
    if (told === undefined) {
      warnings.push(...ignoredParts(rows.map(({ name }) => name)));
      return collect(options, rows, undefined, notes);
    }
    if (!hasParts) warnings.push("The parts are told by the paths of the images.");
    return collect(options, byPart(rows, told, warnings), undefined, notes);
  }
  const read = async (file: string) => (await readManifest(options, file, places)).rows;
  const train = await read(manifest.train);
  const validation = manifest.validation === undefined ? undefined : await read(manifest.validation);
  const test = await read(manifest.test);
  const names = await namesBeside([...train, ...(validation ?? []), ...test], [manifest.train]);
  return collect(options, { train, validation, test }, undefined, { names });
}

async function namesBeside(rows: readonly Row[], [manifest = ""]: readonly string[]) {
  const labels = [...new Set(rows.map(({ label }) => label))];
  return findNames(labels, [dirname(resolve(manifest))]);
}

interface Row extends LabelledImage {
  /** Path of the image, relative to the folder of images. */
  readonly name: string;
  /** `undefined` where the manifest does not tell parts. */
  readonly part: Part | undefined;
}

/** @param places place of each image's first listing, by path; shared by the manifests of a dataset */
async function readManifest(options: ManifestOptions, manifest: string, places: Map<string, string>) {
  const file = resolve(manifest);
  const root = resolve(options.images ?? dirname(file));
  const records = await readRecords(file);
  const [first] = records;
  if (first === undefined)
    throw new Error(`${file}: expected a record for each image, got none. Add images.`);
  const columns = columnsOf(options, file, first);
  const warnings: string[] = [];
  const { splitColumn } = options;
  if (columns.split === undefined && splitColumn === undefined && typeof options.manifest === "string") {
    const others = otherColumns(records, [columns.image, columns.label]);
    columns.split = columnOfParts(others);
    if (columns.split !== undefined) warnings.push(`The parts are those of the column "${columns.split}".`);
    else warnings.push(...unreadParts(others.keys()));
  }

  const rows = records.map((record): Row => {
    const place = `${file}:${record.line}`;
    const name = imageName(root, textOf(record, columns.image, place));
    const earlier = places.get(name);
    if (earlier !== undefined) {
      throw new Error(`${place}: expected each image once, got ${name}, also at ${earlier}. Remove one.`);
    }
    places.set(name, place);
    const label = textOf(record, columns.label, place);
    const { split } = columns;
    const part = split === undefined ? undefined : partOfCell(cellOf(record, split), split, place);
    return { name, label, part, example: (index) => new FileExample(root, name, index) };
  });
  return { rows, hasParts: columns.split !== undefined, warnings };
}

/** The values of the columns that are not read for something else. */
function otherColumns(records: readonly FileRecord[], read: readonly string[]) {
  const names = Object.keys(records[0]?.fields ?? {}).filter((column) => !read.includes(column));
  return new Map(names.map((name) => [name, records.map(({ fields }) => fields[name])]));
}

interface Columns {
  readonly image: string;
  readonly label: string;
  split: string | undefined;
}

function columnsOf(options: ManifestOptions, file: string, { line, fields }: FileRecord): Columns {
  const find = (candidates: readonly string[], option: string) => {
    const found = columnAmong(fields, candidates);
    if (found !== undefined) return found;
    throw new Error(
      `${file}:${line}: expected a column ${candidates.slice(0, 3).join(" or ")}, got ${Object.keys(fields).join(", ")}. ` +
        `Name it with ${option}.`,
    );
  };
  const { imageColumn, labelColumn, splitColumn, manifest } = options;
  const image = find(imageColumn === undefined ? imageColumns : [imageColumn], "imageColumn");
  const label = find(labelColumn === undefined ? labelColumns : [labelColumn], "labelColumn");
  if (typeof manifest !== "string") return { image, label, split: undefined };
  if (splitColumn !== undefined) return { image, label, split: find([splitColumn], "splitColumn") };
  return { image, label, split: columnNamed(Object.keys(fields), "split") };
}

const imageColumns = [
  "image",
  "path",
  "file_name",
  "filename",
  "filepath",
  "file_path",
  "image_path",
  "image_file",
];
const labelColumns = ["label", "class", "class_name", "category"];

/** As written, else in any case. */
function columnAmong(fields: FileRecord["fields"], candidates: readonly string[]): string | undefined {
  const columns = Object.keys(fields);
  const exact = candidates.find((column) => columns.includes(column));
  if (exact !== undefined) return exact;
  return candidates.map((column) => columnNamed(columns, column)).find((column) => column !== undefined);
}

function cellOf({ fields }: FileRecord, column: string): unknown {
  return Object.hasOwn(fields, column) ? fields[column] : undefined;
}

function textOf(record: FileRecord, column: string, place: string): string {
  const value = cellOf(record, column);
  if (typeof value === "string" && value !== "") return value;
  if (Number.isSafeInteger(value)) return String(value);
  const got = value === undefined ? "nothing" : JSON.stringify(value);
  throw new Error(`${place}: expected ${column} to be a text or an integer, got ${got}. Correct it.`);
}

/** One name for one file, however its path is written. @returns relative to the root, with forward slashes */
function imageName(root: string, path: string): string {
  const given = withHome(path);
  // Written on Windows, unless a file is really called so.
  const isForeign = sep === "/" && given.includes("\\") && !existsSync(resolve(root, given));
  const place = isForeign ? given.replaceAll("\\", "/") : given;
  const name = isAbsolute(place) ? relative(root, place) : normalize(place);
  return name.replaceAll(sep, "/");
}
