import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract, type ReadEntry } from "tar";
import type { CountedExtraction } from "./extract.js";
import { safePath, UnsafeEntryError } from "./safe-entry.js";

const fileTypes: ReadonlySet<string> = new Set(["File", "OldFile", "ContiguousFile"]);

/**
 * Extracts a tar file into a directory.
 * @throws UnsafeEntryError, or errors of the archive and the file system
 */
export async function extractTar(
  archive: string,
  directory: string,
  { wants = () => true, signal, onProgress, inflation, gzipped }: CountedExtraction & { gzipped: boolean },
): Promise<void> {
  const { size } = await stat(archive);
  const source = createReadStream(archive, { highWaterMark: 1 << 18 });
  source.on("data", () => onProgress?.(source.bytesRead, size));
  const tar = unpacker(directory, (entry) => {
    inflation.addEntry();
    const path = safePath(entry.path, archive);
    if (entry.type === "Directory")
      entry.mode = 0o755; // a read-only folder could not be filled
    else if (fileTypes.has(entry.type)) entry.mode = 0o644;
    else throw new UnsafeEntryError(archive, entry.path, `is a ${entry.type}`);
    return wants(path);
  });
  async function* counted(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      inflation.addBytes(chunk.length);
      yield chunk;
    }
  }
  if (gzipped) await pipeline(source, createGunzip({ chunkSize: 1 << 18 }), counted, tar, { signal });
  else await pipeline(source, tar, { signal });
}

/**
 * A stream that takes a tar file and makes the files and folders in it that are accepted; what `accepts`
 * throws ends it.
 */
function unpacker(directory: string, accepts: (entry: ReadEntry) => boolean): Writable {
  let failure: unknown;
  const tar = extract({
    cwd: directory,
    strict: true,
    preserveOwner: false,
    noMtime: true,
    filter: (_path, entry) => {
      try {
        return failure === undefined && accepts(entry as ReadEntry);
      } catch (error) {
        failure = error;
        return false;
      }
    },
  });
  tar.on("error", (error) => {
    failure ??= error;
  });
  const after = (event: string, done: (error?: Error | null) => void): void => {
    once(tar, event).then(() => done(failure as Error), done);
  };
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (tar.write(chunk) || failure !== undefined) done(failure as Error);
      else after("drain", done);
    },
    final(done) {
      after("close", done);
      tar.end();
    },
  });
}
