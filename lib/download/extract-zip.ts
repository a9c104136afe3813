import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { type Entry, getFileNameLowLevel, openPromise } from "yauzl";
import type { CountedExtraction } from "./extract.js";
import type { Inflation } from "./inflation.js";
import { safePath, UnsafeEntryError } from "./safe-entry.js";

/**
 * Extracts a zip file into a directory.
 * @throws UnsafeEntryError, or errors of the archive and the file system
 */
export async function extractZip(
  archive: string,
  directory: string,
  { wants = () => true, signal, onProgress, inflation }: CountedExtraction,
): Promise<void> {
  // Decoding names itself, yauzl would refuse unsafe ones in its own words.
  const zip = await openPromise(archive, { autoClose: false, decodeStrings: false });
  try {
    let done = 0;
    for await (const entry of zip.eachEntry()) {
      signal?.throwIfAborted();
      inflation.addEntry();
      done += entry.compressedSize;
      const name = nameOf(entry);
      const path = safePath(name, archive);
      if (isLink(entry)) throw new UnsafeEntryError(archive, name, "is a link");
      if (!wants(path)) continue;
      const target = join(directory, path);
      if (name.endsWith("/")) {
        await mkdir(target, { recursive: true });
        continue;
      }
      await mkdir(dirname(target), { recursive: true });
      await pipeline(
        await zip.openReadStreamPromise(entry),
        (chunks: Readable) => checked(chunks, entry, name, inflation),
        createWriteStream(target),
        { signal },
      );
      onProgress?.(done, zip.fileSize);
    }
  } finally {
    zip.close();
  }
}

/** Passes an entry's bytes on and compares their checksum at the end, which yauzl leaves to its users. */
async function* checked(
  chunks: Readable,
  entry: Entry,
  name: string,
  inflation: Inflation,
): AsyncGenerator<Buffer> {
  let checksum = 0;
  for await (const chunk of chunks as AsyncIterable<Buffer>) {
    inflation.addBytes(chunk.length);
    checksum = crc32(chunk, checksum);
    yield chunk;
  }
  if (checksum !== entry.crc32) {
    throw new Error(`CRC-32 of ${name} is ${checksum}, expected ${entry.crc32}`);
  }
}

function nameOf({ generalPurposeBitFlag, fileNameRaw, extraFields }: Entry): string {
  return getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, true);
}

const fileTypeMask = 0o170000;
const symbolicLink = 0o120000;

/** Unix makers of zip files keep the mode of a file in the upper half of its attributes. */
function isLink({ externalFileAttributes }: Entry): boolean {
  return ((externalFileAttributes >>> 16) & fileTypeMask) === symbolicLink;
}
