/** Usual names of a column. The first that a table has counts. */
export interface UsualNames {
  readonly first: readonly string[];
  /** Looser words, such as `img_name`: taken where a table has none of the first in any way of writing. */
  readonly other: readonly string[];
}

/** Columns of image paths. */
export const pathColumns: UsualNames = {
  first: ["image", "path", "file_name", "filename", "filepath", "file_path", "image_path", "image_file"],
  other: ["image_name", "image_id", "img", "img_path", "img_name", "photo"],
};

/** Columns of image bytes. */
export const bytesColumns: UsualNames = {
  first: ["image"],
  other: ["img", "jpg", "jpeg", "png", "webp"],
};

export const labelColumns: UsualNames = {
  first: ["label", "class", "class_name", "category"],
  other: ["labels", "target", "species", "label_name", "cls"],
};

/** A column, as written or else in any case, or else with any separators: `Image Path` is `image_path`. */
export function columnNamed(columns: Iterable<string>, name: string): string | undefined {
  return firstOf([...columns], [name]);
}

/** The usual name that a table has. Of all names, those are tried first that are written so. */
export function columnAmong(columns: readonly string[], { first, other }: UsualNames): string | undefined {
  return firstOf(columns, first) ?? firstOf(columns, other);
}

const waysOfWriting: readonly ((column: string) => string)[] = [
  (column) => column,
  (column) => column.trim().toLowerCase(),
  (column) => column.toLowerCase().replaceAll(/[\s_-]+/g, ""),
];

function firstOf(columns: readonly string[], names: readonly string[]): string | undefined {
  for (const written of waysOfWriting) {
    for (const name of names) {
      const found = columns.find((column) => written(column) === written(name));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
