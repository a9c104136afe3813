/** Columns of image paths, as tables call them; the first that is there counts. */
export const pathColumns: readonly string[] = [
  "image",
  "path",
  "file_name",
  "filename",
  "filepath",
  "file_path",
  "image_path",
  "image_file",
  "image_name",
  "image_id",
  "img",
  "img_path",
  "img_name",
  "photo",
];

/** Columns of image bytes. */
export const bytesColumns: readonly string[] = ["image", "img", "jpg", "jpeg", "png", "webp"];

export const labelColumns: readonly string[] = [
  "label",
  "class",
  "class_name",
  "category",
  "labels",
  "target",
  "species",
  "label_name",
  "cls",
];

/** A column, as written or else in any case and with any separators: `Image Path` is `image_path`. */
export function columnNamed(columns: Iterable<string>, name: string): string | undefined {
  const all = [...columns];
  return all.includes(name) ? name : all.find((column) => plain(column) === plain(name));
}

/** The first candidate that is there, as written, else in any way of writing. */
export function columnAmong(columns: readonly string[], candidates: readonly string[]): string | undefined {
  const exact = candidates.find((column) => columns.includes(column));
  if (exact !== undefined) return exact;
  return candidates.map((column) => columnNamed(columns, column)).find((column) => column !== undefined);
}

function plain(column: string): string {
  return column.toLowerCase().replaceAll(/[\s_-]+/g, "");
}
