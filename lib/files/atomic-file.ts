import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { renameDurably } from "./durable-file.js";
import { explainFullDisk } from "./full-disk.js";
import { jsonText } from "./json-text.js";

/**
 * Writes a file under a temporary name and renames it when it is on the disk. Readers see the old content or
 * the new, never a part, and a loss of power leaves one of them.
 * @throws if it cannot be written; then the old content is there, and a full disk is told with the
 * size needed
 */
export function writeFileAtomically(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(temporary, content, { flush: true });
    renameDurably(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw explainFullDisk(error, path, { neededBytes: Buffer.byteLength(content) });
  }
}

export function writeJsonAtomically(path: string, value: unknown): void {
  writeFileAtomically(path, jsonText(value));
}
