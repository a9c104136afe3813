import { open } from "node:fs/promises";
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  type ParquetReadOptions,
  parquetMetadataAsync,
  parquetReadObjects,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { type ContentKind, contentKind } from "../../files/index.js";
import type { BoundedCache } from "./bounded-cache.js";
import { checkColumns, type ParquetColumns } from "./check-columns.js";
import { declaredNames } from "./class-label-names.js";
import { bytesColumns, columnAmong, labelColumns } from "./column-names.js";
import { columnPath, fieldOf, isText, nodeAt, topColumns } from "./parquet-columns.js";
import { isUnlabelled, labelText } from "./parquet-label.js";
import type { Shard } from "./shards.js";

/** The images of a row group, decompressed. */
export type RowGroup = readonly (Uint8Array | undefined)[];

/**
 * A Parquet file of images with labels. Labels are read when it is opened, images by row group when they are
 * asked for.
 */
export class ParquetFile {
  /** First row of each group. */
  readonly #groupStarts: number[] = [];

  private constructor(
    readonly shard: Shard,
    readonly columns: ParquetColumns,
    readonly labelValues: readonly unknown[],
    /**
     * Class names of integer labels, if the file has them as the Hugging Face hub does; labels are these
     * names then.
     */
    readonly classNames: readonly string[] | undefined,
    readonly buffer: AsyncBuffer,
    readonly metadata: FileMetaData,
    readonly cache: BoundedCache<string, RowGroup>,
  ) {
    let start = 0;
    for (const { num_rows } of metadata.row_groups) {
      this.#groupStarts.push(start);
      start += Number(num_rows);
    }
  }

  /**
   * @param given columns that the user names; others are found by their usual names
   * @param cache row groups, shared by the files of a dataset
   * @throws if the file is missing or damaged, or a column is missing or of another type
   */
  static async open(
    shard: Shard,
    given: Partial<ParquetColumns>,
    cache: BoundedCache<string, RowGroup>,
  ): Promise<ParquetFile> {
    const { file } = shard;
    const { buffer, metadata } = await readable(file, async () => {
      const buffer = await asyncBufferFromFile(file);
      return { buffer, metadata: await parquetMetadataAsync(buffer) };
    });
    const names = [...topColumns(metadata).keys()];
    const columns = {
      image: given.image ?? columnAmong(names, bytesColumns) ?? "image",
      label: given.label ?? columnAmong(names, labelColumns) ?? "label",
    };
    checkColumns(file, metadata, columns);
    const classNames = declaredNames(file, metadata, columns.label);
    const values = await readPath(file, columns.label, { file: buffer, metadata });
    if (values.length !== Number(metadata.num_rows)) {
      throw new Error(
        `${file}: expected ${metadata.num_rows} rows, got labels of ${values.length}. Get the file again.`,
      );
    }
    return new ParquetFile(shard, columns, values, classNames, buffer, metadata, cache);
  }

  get rowCount(): number {
    return this.labelValues.length;
  }

  /**
   * The label of a row: a text, or an integer in digits.
   * @param allowUnlabelled gives nothing for a row without a label
   * @throws if it is no label
   */
  labelOf(row: number, { allowUnlabelled }: { readonly allowUnlabelled: boolean }): string | undefined {
    const value = this.labelValues[row];
    if (allowUnlabelled && isUnlabelled(value)) return undefined;
    return labelText(`${this.shard.file}, row ${row}`, this.columns.label, value, this.classNames);
  }

  /** Columns other than those of images and labels. @param only those of texts, or of integers with names */
  otherColumns(only?: "texts"): string[] {
    const { image, label } = this.columns;
    return [...topColumns(this.metadata)]
      .filter(([name]) => name !== image && name !== label)
      .filter(([name, node]) => only === undefined || isText(node) || this.#namesOf(name) !== undefined)
      .map(([name]) => name);
  }

  /**
   * The values of a column, those of the type ClassLabel as names.
   * @param column a field of a struct as `meta.split`   @param rowEnd by default all rows are read
   * @throws if there is none
   */
  async readValues(column: string, rowEnd?: number): Promise<unknown[]> {
    const { shard, buffer, metadata } = this;
    const columns = topColumns(metadata);
    if (nodeAt(columns, columnPath(metadata, column)) === undefined) {
      const got = [...columns.keys()].join(", ");
      throw new Error(`${shard.file}: expected a column ${column}, got ${got}. Name it with splitColumn.`);
    }
    const values = await readPath(shard.file, column, { file: buffer, metadata, rowEnd });
    const names = this.#namesOf(column);
    return names === undefined ? values : values.map((value) => names[Number(value)]);
  }

  #namesOf(column: string): readonly string[] | undefined {
    return declaredNames(this.shard.file, this.metadata, column);
  }

  /** @throws if the file is damaged or the row has no image */
  async readImage(row: number): Promise<Uint8Array> {
    const { file } = this.shard;
    const group = this.#groupStarts.findLastIndex((start) => start <= row);
    const start = this.#groupStarts[group] as number;
    const images = await this.cache.get(`${file}#${group}`, () => this.#readGroup(start, group));
    const image = images[row - start];
    if (image !== undefined) return image;
    throw new Error(
      `${file}, row ${row}: expected the bytes of an image in ${this.columns.image}, got none. ` +
        "Export the dataset with its images embedded.",
    );
  }

  async #readGroup(rowStart: number, group: number): Promise<RowGroup> {
    const { shard, columns, buffer, metadata } = this;
    const rowEnd = this.#groupStarts[group + 1];
    const values = await readColumn(shard.file, columns.image, {
      file: buffer,
      metadata,
      rowStart,
      rowEnd,
      utf8: false,
    });
    return values.map(imageBytes);
  }
}

/** The values of a column, or of a field in a column of structs. */
async function readPath(
  file: string,
  path: string,
  options: Parameters<typeof readColumn>[2] & { metadata: FileMetaData },
): Promise<unknown[]> {
  const [column, ...fields] = columnPath(options.metadata, path);
  const rows = await readColumn(file, column, options);
  return rows.map((row) => fields.reduce(fieldOf, row));
}

/** The values of a column in a range of rows, by default all. */
async function readColumn(
  file: string,
  column: string,
  options: Pick<ParquetReadOptions, "file" | "metadata" | "rowStart" | "rowEnd" | "utf8">,
): Promise<unknown[]> {
  const rows = await readable(file, () => parquetReadObjects({ ...options, compressors, columns: [column] }));
  return rows.map((row) => row[column]);
}

/** A value of the image column. */
function imageBytes(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  const { bytes } = (value ?? {}) as { bytes?: unknown };
  return bytes instanceof Uint8Array ? bytes : undefined;
}

/** The kind of another content than Parquet's, by its first bytes. */
async function kindOf(file: string): Promise<ContentKind | undefined> {
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    return contentKind(buffer.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}

async function readable<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const kind = await kindOf(file);
    const [got, advice] =
      kind === undefined
        ? [`: ${(cause as Error).message}`, "Check the path or get it again."]
        : [`, got one that is ${kind.name}`, `To go on, ${kind.advice}.`];
    throw new Error(`${file}: expected a complete Parquet file${got}. ${advice}`, { cause });
  }
}
