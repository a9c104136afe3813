import { readFileSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";
import { parse } from "csv-parse/sync";

/** Images with one caption or several. */
export interface CaptionedImages {
  /** Absolute paths, each once. */
  readonly images: readonly string[];
  readonly texts: readonly string[];
  /** The image of each text. */
  readonly imageOfText: readonly number[];
}

// The second of each are those of open_clip's csv layout.
const imageColumns = ["image", "filepath", "file_name", "path"];
const textColumns = ["caption", "title", "text"];

/**
 * Reads pairs from a CSV or TSV file with a header: `image,caption`, or open_clip's `filepath,title`. An
 * image with several captions has several lines. Paths are relative to the file.
 * @throws if a column is missing, or there are no pairs
 */
export function readPairs(path: string): CaptionedImages {
  const delimiter = extname(path).toLowerCase() === ".tsv" ? "\t" : [",", "\t", ";"];
  const rows = parse(readFileSync(path), {
    columns: true,
    bom: true,
    delimiter,
    trim: true,
    skip_empty_lines: true,
  }) as Record<string, string>[];
  const columns = Object.keys(rows[0] ?? {});
  const find = (known: readonly string[]) => columns.find((column) => known.includes(column.toLowerCase()));
  const [image, text] = [find(imageColumns), find(textColumns)];
  if (image === undefined || text === undefined) {
    throw new Error(
      `${path}: expected a header with ${imageColumns.join(", ")} for the image and ${textColumns.join(", ")} for its caption, ` +
        `got ${columns.join(", ") || "no lines"}. Name the columns so.`,
    );
  }
  const positions = new Map<string, number>();
  const imageOfText = rows.map((row) => {
    const file = resolve(dirname(path), row[image] as string);
    if (!positions.has(file)) positions.set(file, positions.size);
    return positions.get(file) as number;
  });
  return { images: [...positions.keys()], texts: rows.map((row) => row[text] as string), imageOfText };
}
