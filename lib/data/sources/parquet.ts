import { dirname } from "node:path";
import { checkOptions, type OptionKeys } from "../../options/index.js";
import type { Dataset, Example } from "../types.js";
import { BoundedCache } from "./bounded-cache.js";
import {
  type CollectionOptions,
  collect,
  collectionOptionKeys,
  type LabelledImage,
  type Parts,
} from "./collection.js";
import { findNames } from "./name-files.js";
import type { ParquetFile, RowGroup } from "./parquet-file.js";
import { findShards, type Patterns, parquetShards, type Shard, undecidedParts } from "./shards.js";

export interface ParquetOptions extends CollectionOptions {
  /**
   * A folder, files or patterns, whose parts are told by names such as `train-00000-of-00002.parquet` or
   * `test/0000.parquet`; or these for each part.
   */
  readonly parquet: Patterns | Parts<Patterns>;
  /** Holds the bytes of the image files, or structs with them as `bytes`. Default: `image`. */
  readonly imageColumn?: string;
  /**
   * Holds texts or integers; the latter may have names in the metadata, as the Hugging Face hub writes them.
   * Default: `label`.
   */
  readonly labelColumn?: string;
  /** How much of the files to keep in memory, in bytes; at least one row group is. Default: 256 MiB. */
  readonly cacheBytes?: number;
}

const optionKeys: OptionKeys<ParquetOptions> = {
  ...collectionOptionKeys,
  parquet: true,
  imageColumn: true,
  labelColumn: true,
  cacheBytes: true,
};

/**
 * Describes images in Parquet files, laid out as the Hugging Face hub exports datasets. Only labels are read
 * yet. Images come by row group, so reading them in the order of the rows is fastest.
 * @throws if files are missing or damaged, columns do not fit, or the classes do not
 */
export async function openParquet(options: ParquetOptions): Promise<Dataset> {
  checkOptions(options, optionKeys, "openParquet");
  const { name, parquet, imageColumn = "image", labelColumn = "label", cacheBytes = 2 ** 28 } = options;
  const cache = new BoundedCache<string, RowGroup>(cacheBytes, totalBytes);
  const { ParquetFile } = await import("./parquet-file.js"); // with decompressors that nothing else needs
  const files: ParquetFile[] = [];
  let unlabelled = 0;
  const columns = { image: imageColumn, label: labelColumn };
  const open = async (shards: readonly Shard[] = [], isTest = false): Promise<LabelledImage[]> => {
    const images: LabelledImage[] = [];
    for (const shard of shards) {
      const file = await ParquetFile.open(shard, columns, cache, { allowUnlabelled: isTest });
      files.push(file);
      for (const [row, label] of file.labels.entries()) {
        if (label === undefined) unlabelled++;
        else images.push({ label, example: (index) => new ParquetExample(file, row, index) });
      }
    }
    return images;
  };

  const shards = await findShards(name, parquet, parquetShards);
  if (!("train" in shards)) {
    const images = await open(shards);
    return collect(options, images, classNames(files), {
      warnings: undecidedParts(shards),
      names: await namesBeside(files),
    });
  }
  const train = await open(shards.train);
  const validation = await open(shards.validation);
  const test = await open(shards.test, true);
  const notes = { names: await namesBeside(files), warnings: [] as string[] };
  if (unlabelled > 0) notes.warnings.push(`${unlabelled} test rows without a label were passed over.`);
  if (test.length > 0 || unlabelled === 0) {
    return collect(options, { train, validation, test }, classNames(files), notes);
  }
  if (validation.length > 0) {
    notes.warnings.push("No test row has a label: the validation images are tested on.");
    return collect(options, { train, test: validation }, classNames(files), notes);
  }
  notes.warnings.push("No test row has a label: test images are drawn from those for training.");
  return collect(options, train, classNames(files), notes);
}

/** Names from a file beside the data, if labels are integers that the data does not name. */
async function namesBeside(files: readonly ParquetFile[]) {
  if (files.some(({ classNames }) => classNames !== undefined)) return undefined;
  const labels = new Set(files.flatMap(({ labels }) => labels.filter((label) => label !== undefined)));
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
