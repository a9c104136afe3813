import { dirname, extname, resolve } from "node:path";
import { checkOptions, type OptionKeys } from "../../options/index.js";
import type { Dataset } from "../types.js";
import { isEmptyCell, labelOfCell, textOfCell, withoutPoints } from "./cells.js";
import {
  type CollectionOptions,
  collect,
  collectionOptionKeys,
  type LabelledImage,
  type Parts,
} from "./collection.js";
import { columnAmong, columnNamed, labelColumns, pathColumns, type UsualNames } from "./column-names.js";
import { FileExample } from "./file-example.js";
import { imageExtensions } from "./image-extensions.js";
import { imageName } from "./image-path.js";
import { findNames } from "./name-files.js";
import { byPart, columnOfParts, partOfCell, unreadParts } from "./part-column.js";
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
    const { rows: written, hasParts, warnings } = await readManifest(options, manifest, places);
    const [rows = []] = withoutPoints([written], options.classes);
    const notes = { warnings, names: await namesBeside(rows, [manifest]) };
    const told = hasParts ? rows.map(({ part }) => part) : partsOfPaths(rows.map(({ name }) => name));
    if (told === undefined) {
      warnings.push(...ignoredParts(rows.map(({ name }) => name)));
      return collect(options, rows, undefined, notes);
    }
    if (!hasParts) warnings.push("The parts are told by the paths of the images.");
    return collect(options, byPart(rows, told, warnings), undefined, notes);
  }
  const warnings: string[] = [];
  const read = async (part: Part, file: string) => {
    const found = await readManifest(options, file, places, part);
    warnings.push(...found.warnings);
    return found.rows;
  };
  const written = [
    await read("train", manifest.train),
    manifest.validation === undefined ? [] : await read("validation", manifest.validation),
    await read("test", manifest.test),
  ];
  const [train = [], validation = [], test = []] = withoutPoints(written, options.classes);
  const names = await namesBeside([...train, ...validation, ...test], [manifest.train]);
  return collect(options, { train, validation, test }, undefined, { warnings, names });
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

/**
 * @param places place of each image's first listing, by path; shared by the manifests of a dataset
 * @param filePart the part that the whole file is for, where each has its own
 */
async function readManifest(
  options: ManifestOptions,
  manifest: string,
  places: Map<string, string>,
  filePart?: Part,
) {
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
    const name = imageName(root, textOfCell(cellOf(record, columns.image), columns.image, place), place);
    const earlier = places.get(resolve(root, name));
    if (earlier !== undefined) {
      throw new Error(`${place}: expected each image once, got ${name}, also at ${earlier}. Remove one.`);
    }
    places.set(resolve(root, name), place);
    const { split } = columns;
    const part = split === undefined ? undefined : partOfCell(cellOf(record, split), split, place);
    const cell = cellOf(record, columns.label);
    const isForTests = part === "test" || filePart === "test";
    const label = isForTests && isEmptyCell(cell) ? "" : labelOfCell(cell, columns.label, place);
    return { name, label, part, example: (index) => new FileExample(root, name, index) };
  });
  const labelled = rows.filter(({ label }) => label !== "");
  const unlabelled = rows.length - labelled.length;
  if (unlabelled > 0) warnings.push(`${unlabelled} test rows without a label were passed over.`);
  return { rows: labelled, hasParts: columns.split !== undefined, warnings };
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

function only(name: string): UsualNames {
  return { first: [name], other: [] };
}

function columnsOf(options: ManifestOptions, file: string, { line, fields }: FileRecord): Columns {
  const find = (names: UsualNames, option: string) => {
    const found = columnAmong(Object.keys(fields), names);
    if (found !== undefined) return found;
    const isHeader = !Object.keys(fields).some((name) => imageExtensions.has(extname(name).toLowerCase()));
    const advice = isHeader
      ? `Name it with ${option}.`
      : "Write a first line with their names, such as image,label.";
    throw new Error(
      `${file}:${line}: expected a column ${names.first.slice(0, 3).join(" or ")}, got ${Object.keys(fields).join(", ")}. ${advice}`,
    );
  };
  const { imageColumn, labelColumn, splitColumn, manifest } = options;
  const image = find(imageColumn === undefined ? pathColumns : only(imageColumn), "imageColumn");
  const label = find(labelColumn === undefined ? labelColumns : only(labelColumn), "labelColumn");
  if (typeof manifest !== "string") return { image, label, split: undefined };
  if (splitColumn !== undefined) return { image, label, split: find(only(splitColumn), "splitColumn") };
  return { image, label, split: columnNamed(Object.keys(fields), "split") };
}

function cellOf({ fields }: FileRecord, column: string): unknown {
  return Object.hasOwn(fields, column) ? fields[column] : undefined;
}
