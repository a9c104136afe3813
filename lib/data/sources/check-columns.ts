import type { FileMetaData } from "hyparquet";
import {
  columnPath,
  isLabel,
  isText,
  nodeAt,
  type SchemaNode,
  topColumns,
  typeName,
} from "./parquet-columns.js";

/** The two columns of a Parquet file that are read. */
export interface ParquetColumns {
  /** Binary, or a struct with a binary `bytes`. */
  readonly image: string;
  /** Text, integer or boolean, or a list of one of these; a field of a struct as `label.species`. */
  readonly label: string;
}

/** @throws if the columns of images and labels are missing or of another type */
export function checkColumns(file: string, metadata: FileMetaData, { image, label }: ParquetColumns): void {
  const columns = topColumns(metadata);
  const imageColumn = columns.get(image);
  const bytesOf = imageColumn?.children.find(({ element }) => element.name === "bytes") ?? imageColumn;
  const hasBytes = bytesOf?.element.type === "BYTE_ARRAY" && !isText(bytesOf);
  const labelColumn = nodeAt(columns, columnPath(metadata, label));
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
