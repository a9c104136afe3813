import { posix } from "node:path";

/** An archive tries to write where it has no business, or to make something other than files and folders. */
export class UnsafeEntryError extends Error {
  override readonly name = "UnsafeEntryError";

  constructor(archive: string, entry: string, problem: string) {
    super(
      `${archive}: expected files and folders inside the archive's own folder, but '${entry}' ${problem}. Nothing of it is kept; get the archive from its official page.`,
    );
  }
}

/**
 * The path of an archive's entry, without `./` and slashes at the end.
 * @throws UnsafeEntryError if it is absolute or leads out of the folder it is extracted to
 */
export function safePath(entry: string, archive: string): string {
  const segments = entry.split(/[/\\]/);
  if (entry.startsWith("/") || /^[a-z]:/i.test(entry) || segments.includes("..") || entry.includes("\0")) {
    throw new UnsafeEntryError(archive, entry, "is no path inside of it");
  }
  return posix.normalize(entry).replace(/\/+$/, "");
}
