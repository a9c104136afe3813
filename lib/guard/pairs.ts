import { dirname, extname, resolve } from "node:path";
import { readCaptionedShards, readRecords } from "../data/index.js";
import type { ImageInput } from "../embeddings/index.js";

/** Images with one caption or several. */
export interface CaptionedImages {
  /** Each once. */
  readonly images: readonly ImageInput[];
  readonly texts: readonly string[];
  /** The image of each text. */
  readonly imageOfText: readonly number[];
}

// The second of each are those of open_clip's csv layout.
const imageColumns = ["image", "filepath", "file_name", "path"];
const textColumns = ["caption", "title", "text"];
const tables = [".csv", ".tsv", ".jsonl", ".ndjson"];

/**
 * Reads pairs of an image and a caption, where an image may have several:
 * - a `.csv`, `.tsv` or `.jsonl` file with `image` and `caption`, or open_clip's `filepath` and `title`. An
 *   image with several captions has several lines, and paths are relative to the file;
 * - WebDataset shards, a folder of them, or a pattern such as `pairs-{000..012}.tar`, with `.txt` beside the
 *   images, see `readCaptionedShards`.
 * @throws if a column is missing, there are no pairs, or one has no image or no caption
 */
export async function readPairs(path: string): Promise<CaptionedImages> {
  const pairs = tables.includes(extname(path).toLowerCase())
    ? await pairsOfTable(path)
    : await pairsOfShards(path);
  if (pairs.texts.length > 0) return pairs;
  throw new Error(`${path}: expected pairs of an image and a caption, got none. Write some.`);
}

async function pairsOfTable(path: string): Promise<CaptionedImages> {
  const records = await readRecords(path);
  const columns = Object.keys(records[0]?.fields ?? {});
  const find = (known: readonly string[]) => columns.find((column) => known.includes(column.toLowerCase()));
  const [image, text] = [find(imageColumns), find(textColumns)];
  if (records.length > 0 && (image === undefined || text === undefined)) {
    throw new Error(
      `${path}: expected a header with ${imageColumns.join(", ")} for the image and ${textColumns.join(", ")} for its caption, ` +
        `got ${columns.join(", ")}. Name the columns so.`,
    );
  }
  const positions = new Map<string, number>();
  const texts: string[] = [];
  const imageOfText: number[] = [];
  for (const { line, fields } of records) {
    const [file, caption] = [fields[image as string], fields[text as string]];
    if (typeof file !== "string" || file === "" || typeof caption !== "string" || caption === "") {
      throw new Error(
        `${path}:${line}: expected an image and a caption, got an empty field. Fill or remove it.`,
      );
    }
    const absolute = resolve(dirname(path), file);
    if (!positions.has(absolute)) positions.set(absolute, positions.size);
    imageOfText.push(positions.get(absolute) as number);
    texts.push(caption);
  }
  return { images: [...positions.keys()], texts, imageOfText };
}

async function pairsOfShards(path: string): Promise<CaptionedImages> {
  const samples = await readCaptionedShards(path);
  return {
    images: samples.map(({ example }) => example),
    texts: samples.flatMap(({ captions }) => captions),
    imageOfText: samples.flatMap(({ captions }, image) => captions.map(() => image)),
  };
}
