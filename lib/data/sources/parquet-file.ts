import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  type ParquetReadOptions,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { z } from "zod";
import type { BoundedCache } from "./bounded-cache.js";
import type { Shard } from "./shards.js";

/** The images of a row group, decompressed. */
export type RowGroup = readonly (Uint8Array | undefined)[];

export interface ParquetColumns {
  /** Binary, or a struct with a binary `bytes`. */
  readonly image: string;
  /** Text, integer or boolean, or a list of one of these; a field of a struct as `label.species`. */
  readonly label: string;
}

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
   * @param cache row groups, shared by the files of a dataset
   * @throws if the file is missing or damaged, or a column is missing or of another type
   */
  static async open(
    shard: Shard,
    columns: ParquetColumns,
    cache: BoundedCache<string, RowGroup>,
  ): Promise<ParquetFile> {
    const { file } = shard;
    const { buffer, metadata } = await readable(file, async () => {
      const buffer = await asyncBufferFromFile(file);
      return { buffer, metadata: await parquetMetadataAsync(buffer) };
    });
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
    if (nodeAt(columns, labelPath(metadata, column)) === undefined) {
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
  const [column, ...fields] = labelPath(options.metadata, path);
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

async function readable<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const { message } = cause as Error;
    throw new Error(
      `${file}: expected a complete Parquet file: ${message}. Check the path or get it again.`,
      { cause },
    );
  }
}

function checkColumns(file: string, metadata: FileMetaData, { image, label }: ParquetColumns): void {
  const columns = topColumns(metadata);
  const imageColumn = columns.get(image);
  const bytesOf = imageColumn?.children.find(({ element }) => element.name === "bytes") ?? imageColumn;
  const hasBytes = bytesOf?.element.type === "BYTE_ARRAY" && !isText(bytesOf);
  const labelColumn = nodeAt(columns, labelPath(metadata, label));
  const wanted = [
    [`${image} with image bytes (imageColumn)`, hasBytes],
    [`${label} with labels (labelColumn)`, labelColumn !== undefined && isLabel(labelColumn)],
  ] as const;
  const missing = wanted.filter(([, found]) => !found).map(([name]) => name);
  if (missing.length === 0) return;
  const found = [...columns].map(([name, node]) => `${name} (${typeName(node)})`);
  const fields = labelColumn?.children.filter(isLabel).map(({ element }) => `${label}.${element.name}`) ?? [];
  const pathsOnly =
    !hasBytes && imageColumn !== undefined && [imageColumn, ...imageColumn.children].some(isText);
  const advice = pathsOnly
    ? "Images are only named there: export the dataset with its images embedded, or list their paths in a manifest."
    : fields.length > 0 && !isLabel(labelColumn as SchemaNode)
      ? `Name a field, such as labelColumn: ${fields[0]}.`
      : "Name the column.";
  throw new Error(`${file}: expected a column ${missing.join(" and ")}, got ${found.join(", ")}. ${advice}`);
}

function typeName(node: SchemaNode): string {
  const { element, children } = node;
  if (isText(node)) return "text";
  if (children.length === 0) return String(element.type);
  if (!isList(node)) return children.length === 1 && element.converted_type === "MAP" ? "map" : "struct";
  return `list of ${typeName(listItem(node))}`;
}

type SchemaNode = ReturnType<typeof parquetSchema>;

function topColumns(metadata: FileMetaData): Map<string, SchemaNode> {
  return new Map(parquetSchema(metadata).children.map((column) => [column.element.name, column]));
}

/** A column may have a dot in its name; else a dot goes into a struct. */
function labelPath(metadata: FileMetaData, label: string): [string, ...string[]] {
  return topColumns(metadata).has(label) ? [label] : (label.split(".") as [string, ...string[]]);
}

function nodeAt(columns: ReadonlyMap<string, SchemaNode>, [column, ...fields]: readonly string[]) {
  return fields.reduce(
    (node, field) => node?.children.find(({ element }) => element.name === field),
    columns.get(column as string),
  );
}

function fieldOf(value: unknown, field: string): unknown {
  return (value as Record<string, unknown> | null | undefined)?.[field];
}

/**
 * Floats as well: pandas makes them of integers with gaps, and whether these are whole is seen when they are
 * read.
 */
const labelTypes = new Set<unknown>([
  "BYTE_ARRAY",
  "FIXED_LEN_BYTE_ARRAY",
  "INT32",
  "INT64",
  "BOOLEAN",
  "FLOAT",
  "DOUBLE",
]);

/** A single value, or a list of such, which Parquet nests in two groups or one. */
function isLabel(node: SchemaNode): boolean {
  if (node.children.length === 0) return labelTypes.has(node.element.type);
  return isList(node) && labelTypes.has(listItem(node).element.type);
}

function isList({ element, children }: SchemaNode): boolean {
  const isSaid = element.converted_type === "LIST" || element.logical_type?.type === "LIST";
  return isSaid && children.length === 1;
}

function listItem({ children }: SchemaNode): SchemaNode {
  let item = children[0] as SchemaNode;
  while (item.children.length === 1) item = item.children[0] as SchemaNode;
  return item;
}

/** Bytes that are said to be text, rather than images or masks. */
function isText({ element, children }: SchemaNode): boolean {
  const isSaid = element.converted_type === "UTF8" || element.logical_type?.type === "STRING";
  return children.length === 0 && element.type === "BYTE_ARRAY" && isSaid;
}

function isUnlabelled(value: unknown): boolean {
  const [label = null] = Array.isArray(value) ? value : [value];
  return label === null || label === "" || Number.isNaN(label) || Number(label) === -1;
}

function labelText(
  place: string,
  column: string,
  value: unknown,
  classNames: readonly string[] | undefined,
): string {
  const items = Array.isArray(value) ? value : [value];
  if (items.length > 1) {
    const several = items.slice(0, 3).map(String).join(", ");
    throw new Error(
      `${place}: expected one label in ${column}, got ${items.length}: ${several}. Keep one per image, or name another labelColumn.`,
    );
  }
  const [label] = items as unknown[];
  const isWhole = typeof label === "bigint" || Number.isInteger(label);
  const known = isWhole ? classNames?.[Number(label)] : undefined;
  const isText = isWhole || typeof label === "string" || typeof label === "boolean";
  const isDeclared = typeof label === "string" && classNames?.includes(label);
  const text = known ?? ((classNames === undefined || isDeclared) && isText ? String(label) : "");
  if (text !== "") return text;
  const wanted = classNames === undefined ? "a text or an integer" : `0 to ${classNames.length - 1}`;
  throw new Error(
    `${place}: expected a label, ${wanted}, got ${label ?? "nothing"}. Write the file without such rows; only among test images they are passed over.`,
  );
}

const classLabelSchema = z.object({ _type: z.literal("ClassLabel"), names: z.array(z.string().min(1)) });
const featuresSchema = z.object({ info: z.object({ features: z.record(z.string(), z.unknown()) }) });

/** The names of a label column of `datasets`' type ClassLabel, which the hub keeps beside the data. */
function declaredNames(file: string, metadata: FileMetaData, column: string): readonly string[] | undefined {
  const text = metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
  if (text === undefined) return undefined;
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new Error(
      `${file}: expected JSON in the metadata "huggingface", got other text. Export it again.`,
      { cause },
    );
  }
  let feature: unknown = featuresSchema.safeParse(content).data?.info.features;
  for (const field of labelPath(metadata, column)) feature = fieldOf(feature, field);
  // A list of labels is `[feature]` in older files and `{ feature }` in newer ones.
  const [item] = Array.isArray(feature) ? feature : [fieldOf(feature, "feature") ?? feature];
  return classLabelSchema.safeParse(item).data?.names;
}
