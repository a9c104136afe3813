import { dirname, isAbsolute, normalize, relative, resolve, sep } from "node:path";
import { checkOptions, type OptionKeys } from "../options/index.js";
import {
  type CollectionOptions,
  collect,
  collectionOptionKeys,
  type LabelledImage,
  type Parts,
} from "./collection.js";
import { FileExample } from "./file-example.js";
import { type FileRecord, readRecords } from "./records.js";
import type { Dataset } from "./types.js";

export interface ManifestOptions extends CollectionOptions {
  /** A `.csv`, `.tsv` or `.jsonl` file with a record per image; or one for each part. */
  readonly manifest: string | Parts<string>;
  /** Folder that the image paths are relative to. Default: that of the manifest. */
  readonly images?: string;
  /** Holds the image path. Default: `image`, `path` or `file_name`, whichever is there. */
  readonly imageColumn?: string;
  /** Holds the label: a name or an integer. Default: `label`. */
  readonly labelColumn?: string;
  /** Holds the part: train, validation (or val) or test. Default: `split`, where there is one; not read when each part has its file. */
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
 * @throws if the manifest is missing or broken, naming file and line, lists an image twice, or the classes do not fit
 */
export async function openManifest(options: ManifestOptions): Promise<Dataset> {
  checkOptions(options, optionKeys, "openManifest");
  const { manifest } = options;
  const places = new Map<string, string>();
  if (typeof manifest === "string") {
    const { rows, hasParts } = await readManifest(options, manifest, places);
    if (!hasParts) return collect(options, rows);
    const part = (wanted: Part) => rows.filter(({ part }) => part === wanted);
    return collect(options, {
      train: part("train"),
      validation: part("validation"),
      test: part("test"),
    });
  }
  const read = async (file: string) => (await readManifest(options, file, places)).rows;
  return collect(options, {
    train: await read(manifest.train),
    validation: manifest.validation === undefined ? undefined : await read(manifest.validation),
    test: await read(manifest.test),
  });
}

type Part = keyof Parts<unknown>;

const parts: ReadonlyMap<unknown, Part> = new Map([
  ["train", "train"],
  ["val", "validation"],
  ["validation", "validation"],
  ["test", "test"],
]);

interface Row extends LabelledImage {
  /** `undefined` where the manifest does not tell parts. */
  readonly part: Part | undefined;
}

/** @param places where each image was listed first, by path; shared by the manifests of a dataset */
async function readManifest(options: ManifestOptions, manifest: string, places: Map<string, string>) {
  const file = resolve(manifest);
  const root = resolve(options.images ?? dirname(file));
  const records = await readRecords(file);
  const [first] = records;
  if (first === undefined)
    throw new Error(`${file}: expected a record for each image, got none. Add images.`);
  const columns = columnsOf(options, file, first);

  const rows = records.map((record): Row => {
    const place = `${file}:${record.line}`;
    const name = imageName(root, textOf(record, columns.image, place));
    const earlier = places.get(name);
    if (earlier !== undefined) {
      throw new Error(`${place}: expected each image once, got ${name}, also at ${earlier}. Remove one.`);
    }
    places.set(name, place);
    const label = textOf(record, columns.label, place);
    const part = columns.split === undefined ? undefined : partOf(record, columns.split, place);
    return { label, part, example: (index) => new FileExample(root, name, index) };
  });
  return { rows, hasParts: columns.split !== undefined };
}

function columnsOf(options: ManifestOptions, file: string, { line, fields }: FileRecord) {
  const find = (candidates: readonly string[], option: string) => {
    const found = candidates.find((column) => Object.hasOwn(fields, column));
    if (found !== undefined) return found;
    throw new Error(
      `${file}:${line}: expected a column ${candidates.join(" or ")}, got ${Object.keys(fields).join(", ")}. ` +
        `Name it with ${option}.`,
    );
  };
  const { imageColumn, labelColumn = "label", splitColumn, manifest } = options;
  const image = find(
    imageColumn === undefined ? ["image", "path", "file_name"] : [imageColumn],
    "imageColumn",
  );
  const label = find([labelColumn], "labelColumn");
  if (typeof manifest !== "string") return { image, label, split: undefined };
  if (splitColumn !== undefined) return { image, label, split: find([splitColumn], "splitColumn") };
  return { image, label, split: Object.hasOwn(fields, "split") ? "split" : undefined };
}

function textOf({ fields }: FileRecord, column: string, place: string): string {
  const value = Object.hasOwn(fields, column) ? fields[column] : undefined;
  if (typeof value === "string" && value !== "") return value;
  if (Number.isSafeInteger(value)) return String(value);
  const got = value === undefined ? "nothing" : JSON.stringify(value);
  throw new Error(`${place}: expected ${column} to be a text or an integer, got ${got}. Correct it.`);
}

function partOf({ fields }: FileRecord, column: string, place: string): Part {
  const part = Object.hasOwn(fields, column) ? parts.get(fields[column]) : undefined;
  if (part !== undefined) return part;
  throw new Error(
    `${place}: expected ${column} to be train, validation, val or test, got ${JSON.stringify(fields[column])}. Correct it.`,
  );
}

/** One name for one file, however its path is written. @returns relative to the root, with forward slashes */
function imageName(root: string, path: string): string {
  const name = isAbsolute(path) ? relative(root, path) : normalize(path);
  return name.replaceAll(sep, "/");
}
