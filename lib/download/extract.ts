import { mkdir, open, stat } from "node:fs/promises";
import { explainFullDisk } from "../files/index.js";
import { extractTar } from "./extract-tar.js";
import { extractZip } from "./extract-zip.js";
import { Inflation, InflationError } from "./inflation.js";
import { UnsafeEntryError } from "./safe-entry.js";

export interface ExtractOptions {
  /** Whether to take an entry, by its path with forward slashes. Default: all. */
  readonly wants?: (path: string) => boolean;
  readonly signal?: AbortSignal;
  /** Counts what comes out, over several archives. Default: a count of its own, by the archive's size. */
  readonly inflation?: Inflation;
  /** Bytes of the archive that are done, and all of them. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Options of the formats. */
export type CountedExtraction = ExtractOptions & { readonly inflation: Inflation };

/**
 * Extracts a tar file, plain or gzipped, or a zip file, told apart by their content. Folders and files are
 * made with ordinary permissions.
 * @param directory made if it is not there; give an empty one, and drop it if this fails
 * @throws if the archive is damaged or of another kind, or holds links or paths that lead out of it
 * @throws if it becomes more than a hundred times its size, or the disk is full
 */
export async function extractArchive(
  archive: string,
  directory: string,
  options: ExtractOptions = {},
): Promise<void> {
  const kind = await kindOf(archive);
  await mkdir(directory, { recursive: true });
  const { inflation = new Inflation(archive, (await stat(archive)).size) } = options;
  const counted = { ...options, inflation };
  try {
    if (kind === "zip") await extractZip(archive, directory, counted);
    else await extractTar(archive, directory, { ...counted, gzipped: kind === "tar.gz" });
  } catch (error) {
    throw explain(error, archive, directory);
  }
}

const tarMagicOffset = 257;

async function kindOf(archive: string): Promise<"zip" | "tar" | "tar.gz"> {
  const file = await open(archive);
  try {
    const { buffer } = await file.read(Buffer.alloc(tarMagicOffset + 5), 0, tarMagicOffset + 5, 0);
    if (buffer.subarray(0, 4).equals(Buffer.from("PK\x03\x04"))) return "zip";
    if (buffer.subarray(0, 2).equals(Buffer.of(0x1f, 0x8b))) return "tar.gz";
    if (buffer.subarray(tarMagicOffset).toString("latin1") === "ustar") return "tar";
  } finally {
    await file.close();
  }
  throw new Error(`${archive}: expected a tar, tar.gz or zip file, got something else. Download it again.`);
}

function explain(error: unknown, archive: string, directory: string): unknown {
  const { name, message, syscall } = error as NodeJS.ErrnoException;
  if (name === "AbortError" || error instanceof UnsafeEntryError) return error;
  if (error instanceof InflationError) return error;
  if (syscall !== undefined)
    return explainFullDisk(error, directory, { advice: "Free some and run it again." });
  return new Error(
    `${archive}: expected a whole archive, but it is damaged (${message}). Download it again.`,
    {
      cause: error,
    },
  );
}
