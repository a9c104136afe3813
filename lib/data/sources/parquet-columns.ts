import { type FileMetaData, parquetSchema } from "hyparquet";

/** A column of a Parquet file, or what lies in one. */
export type SchemaNode = ReturnType<typeof parquetSchema>;

/** The columns by name. */
export function topColumns(metadata: FileMetaData): Map<string, SchemaNode> {
  return new Map(parquetSchema(metadata).children.map((column) => [column.element.name, column]));
}

/** A column may have a dot in its name; else a dot goes into a struct. */
export function columnPath(metadata: FileMetaData, column: string): [string, ...string[]] {
  return topColumns(metadata).has(column) ? [column] : (column.split(".") as [string, ...string[]]);
}

export function nodeAt(columns: ReadonlyMap<string, SchemaNode>, [column, ...fields]: readonly string[]) {
  return fields.reduce(
    (node, field) => node?.children.find(({ element }) => element.name === field),
    columns.get(column as string),
  );
}

export function fieldOf(value: unknown, field: string): unknown {
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
export function isLabel(node: SchemaNode): boolean {
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
export function isText({ element, children }: SchemaNode): boolean {
  const isSaid = element.converted_type === "UTF8" || element.logical_type?.type === "STRING";
  return children.length === 0 && element.type === "BYTE_ARRAY" && isSaid;
}

/** The type of a column in words, for messages. */
export function typeName(node: SchemaNode): string {
  const { element, children } = node;
  if (isText(node)) return "text";
  if (children.length === 0) return String(element.type);
  if (!isList(node)) return children.length === 1 && element.converted_type === "MAP" ? "map" : "struct";
  return `list of ${typeName(listItem(node))}`;
}
