import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { renameDurably } from "../../files/index.js";

const largestWrite = 1 << 30; // one call takes at most 2 GiB

/**
 * Writes a file, chunk after chunk, under a temporary name that becomes `path` when everything is on disk.
 * @param checksumAt position for the SHA-256 of the whole file, in hexadecimal digits; default: none
 * @throws if it cannot be written; then nothing is left behind
 */
export function writeChunks(path: string, chunks: Iterable<Uint8Array>, checksumAt?: number): void {
  const temporary = `${path}.${process.pid}.tmp`;
  const hash = checksumAt === undefined ? undefined : createHash("sha256");
  let file: number | undefined;
  try {
    file = openSync(temporary, "w");
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) {
        const part = chunk.subarray(at, at + largestWrite);
        hash?.update(part);
        for (let done = 0; done < part.length; ) done += writeSync(file, part, done);
        at += part.length;
      }
    }
    if (hash !== undefined) writeSync(file, hash.digest("hex"), checksumAt, "latin1");
    fsyncSync(file);
    closeSync(file);
    file = undefined;
    renameDurably(temporary, path);
  } catch (error) {
    if (file !== undefined) closeSync(file);
    rmSync(temporary, { force: true });
    throw error;
  }
}
