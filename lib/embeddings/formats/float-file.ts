import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { renameDurably, syncFile } from "../../files/index.js";
import type { EmbeddingRows } from "../journal.js";
import { appendItems, beginItemsFile, itemsFileOf } from "./items-file.js";

/**
 * Writes a head and then vectors as little-endian float32, and a CSV of what they stand for; the names appear
 * when all is on disk.
 */
export async function writeFloats(
  path: string,
  head: Uint8Array,
  rows: AsyncIterable<EmbeddingRows>,
): Promise<void> {
  const [temporary, items] = [`${path}.tmp`, `${itemsFileOf(path)}.tmp`];
  const file = openSync(temporary, "w");
  try {
    beginItemsFile(items);
    writeSync(file, head);
    for await (const part of rows) {
      const { buffer, byteOffset, byteLength } = part.vectors;
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      appendItems(items, part.items);
    }
    fsyncSync(file);
    syncFile(items);
    renameSync(items, itemsFileOf(path)); // the vectors come last: whoever finds them finds their names
    renameDurably(temporary, path);
  } catch (error) {
    for (const each of [temporary, items]) rmSync(each, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}
