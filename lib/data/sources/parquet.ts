import { dirname } from "node:path";
import { checkOptions, type OptionKeys } from "../../options/index.js";
import type { Dataset, Example } from "../types.js";
import { BoundedCache } from "./bounded-cache.js";
import { withoutPoints } from "./cells.js";
import {
  type CollectionOptions,
  collect,
  collectionOptionKeys,
  type LabelledImage,
  type Parts,
} from "./collection.js";
import { findNames } from "./name-files.js";
import type { ParquetFile, RowGroup } from "./parquet-file.js";
import { partsOfRows } from "./parquet-parts.js";
import { byPart } from "./part-column.js";
import type { Part } from "./part-names.js";
import { findShards, type Patterns, parquetShards, undecidedParts, withParts } from "./shards.js";

export interface ParquetOptions extends CollectionOptions {
  /**
   * A folder, files or patterns, whose parts are told by names such as `train-00000-of-00002.parquet` or
   * `test/0000.parquet`; or these for each part.
   */
  readonly parquet: Patterns | Parts<Patterns>;
  /**
   * Holds the bytes of the image files, or structs with them as `bytes`. Default: `image`, `img` or alike.
   */
  readonly imageColumn?: string;
  /**
   * Holds texts or integers; the latter may have names in the metadata, as the Hugging Face hub writes them.
   * Default: `label`, `class` or alike.
   */
  readonly labelColumn?: string;
  /**
   * Holds the part: train, validation, test or words alike. Default: where the files do not tell the parts,
   * `split`, or else a column of nothing but such words. Not read when each part has its files.
   */
  readonly splitColumn?: string;
  /** How much of the files to keep in memory, in bytes; at least one row group is. Default: 256 MiB. */
  readonly cacheBytes?: number;
}

const optionKeys: OptionKeys<ParquetOptions> = {
  ...collectionOptionKeys,
  parquet: true,
  imageColumn: true,
  labelColumn: true,
  splitColumn: true,
  cacheBytes: true,
};

/**
 * Describes images in Parquet files, laid out as the Hugging Face hub exports datasets. Only labels are read
 * yet. Images come by row group, so reading them in the order of the rows is fastest.
 * @throws if files are missing or damaged, columns do not fit, or the classes do not
 */
export async function openParquet(options: ParquetOptions): Promise<Dataset> {
  checkOptions(options, optionKeys, "openParquet");
  const { name, parquet, imageColumn, labelColumn, splitColumn } = options;
  const cache = new BoundedCache<string, RowGroup>(options.cacheBytes ?? 2 ** 28, totalBytes);
  const { ParquetFile } = await import("./parquet-file.js"); // with decompressors that nothing else needs
  const shards = await findShards(name, parquet, parquetShards, splitColumn !== undefined);
  const files: ParquetFile[] = [];
  const parts: (Part | undefined)[] = [];
  for (const [shard, part] of withParts(shards)) {
    files.push(await ParquetFile.open(shard, { image: imageColumn, label: labelColumn }, cache));
    parts.push(part);
  }
  const warnings: string[] = [];
  const ofFiles = files.flatMap(({ rowCount }, i) => Array<Part | undefined>(rowCount).fill(parts[i]));
  const told = await partsOfRows(splitColumn, files, "train" in shards ? ofFiles : undefined, warnings);
  const isDivided = told !== undefined || "train" in shards;
  if (!isDivided) warnings.push(...undecidedParts(name, shards));

  const { images: written, partOf, unlabelled } = labelledRows(files, told ?? ofFiles);
  const declared = classNames(files);
  const [images = []] = declared === undefined ? withoutPoints([written], options.classes) : [written];
  const notes = { warnings, names: await namesBeside(files, images) };
  if (unlabelled > 0) warnings.push(`${unlabelled} test rows without a label were passed over.`);
  if (!isDivided) return collect(options, images, declared, notes);
  const given = byPart(images, partOf, unlabelled > 0 ? [] : warnings);
  if (!("train" in given) || given.test.length > 0 || unlabelled === 0) {
    if (unlabelled > 0 && !("train" in given)) warnings.push(drawn);
    return collect(options, given, declared, notes);
  }
  warnings.push("No test row has a label: the validation images are tested on.");
  return collect(options, { train: given.train, test: given.validation }, declared, notes);
}

const drawn = "No test row has a label: test images are drawn from those for training.";

function labelledRows(
  files: readonly ParquetFile[],
  parts: readonly (Part | undefined)[],
): { images: LabelledImage[]; partOf: (Part | undefined)[]; unlabelled: number } {
  const images: LabelledImage[] = [];
  const partOf: (Part | undefined)[] = [];
  let rows = 0;
  for (const file of files) {
    for (let row = 0; row < file.rowCount; row++) {
      const part = parts[rows++];
      const label = file.labelOf(row, { allowUnlabelled: part === "test" });
      if (label === undefined) continue;
      images.push({ label, example: (index) => new ParquetExample(file, row, index) });
      partOf.push(part);
    }
  }
  return { images, partOf, unlabelled: rows - images.length };
}

/** Names from a file beside the data, if labels are integers that the data does not name. */
async function namesBeside(files: readonly ParquetFile[], images: readonly LabelledImage[]) {
  if (files.some(({ classNames }) => classNames !== undefined)) return undefined;
  const labels = new Set(images.map(({ label }) => label));
  const folders = files.map(({ shard }) => dirname(shard.file));
  return findNames([...labels], [...folders, ...folders.map((folder) => dirname(folder))]);
}

/** An image in a row of a Parquet file. */
class ParquetExample implements Example {
  constructor(
    readonly source: ParquetFile,
    readonly row: number,
    readonly label: number,
  ) {}

  get file(): string {
    return this.source.shard.file;
  }

  get name(): string {
    return `${this.source.shard.name}#${this.row}`;
  }

  read(): Promise<Uint8Array> {
    return this.source.readImage(this.row);
  }
}

function totalBytes(group: RowGroup): number {
  return group.reduce((total, image) => total + (image?.byteLength ?? 0), 0);
}

/** The class names that the files declare. @throws if they differ: then one integer would mean two classes */
function classNames(files: readonly ParquetFile[]): readonly string[] | undefined {
  const [first] = files;
  const other = files.find(
    ({ classNames }) => JSON.stringify(classNames) !== JSON.stringify(first?.classNames),
  );
  if (first !== undefined && other !== undefined) {
    throw new Error(
      `${other.shard.file}: expected the class names of ${first.shard.file} in the metadata, got others. Open only files of one dataset.`,
    );
  }
  return first?.classNames;
}
