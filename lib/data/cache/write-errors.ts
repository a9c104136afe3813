import { statfs } from "node:fs/promises";
import { isDiskFull } from "../../options/index.js";

/**
 * Before work begins that would come to nothing.
 * @throws if the disk of a folder has less space than is needed
 */
export async function checkFreeSpace(folder: string, neededBytes: number): Promise<void> {
  const { blocks, bavail, bsize } = await statfs(folder);
  if (blocks === 0) return; // some network file systems do not tell
  if (bavail * bsize < neededBytes) {
    throw diskFull(folder, neededBytes, `${formatBytes(bavail * bsize)} free`);
  }
}

/** The result of writing to the cache, whose errors then say what to do. */
export async function explained<T>(writing: Promise<T>, path: string, neededBytes: number): Promise<T> {
  try {
    return await writing;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (isDiskFull(error)) throw diskFull(path, neededBytes, code, error);
    if (["EACCES", "EPERM", "EROFS"].includes(code)) {
      throw new Error(
        `Image cache: expected to be allowed to write ${path}, got ${code}. Change its owner or permissions, ` +
          "set XDG_CACHE_HOME to a folder of yours, or go without by `--no-cache`.",
        { cause: error },
      );
    }
    throw error;
  }
}

function diskFull(path: string, neededBytes: number, got: string, cause?: unknown): Error {
  return new Error(
    `Image cache: expected ${formatBytes(neededBytes)} on the disk of ${path}, got ${got}. Free some with \`codyra data cache --clear\`, ` +
      "set XDG_CACHE_HOME to a folder on another disk, or go without by `--no-cache`.",
    { cause },
  );
}

function formatBytes(bytes: number): string {
  return bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
