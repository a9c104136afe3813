import { statfs } from "node:fs/promises";
import { explainFullDisk, formatBytes, lackOfSpace } from "../../files/index.js";

const advice =
  "Free some with `codyra data cache --clear`, set XDG_CACHE_HOME to a folder on another disk, or go without by `--no-cache`.";

/**
 * Before work begins that would come to nothing.
 * @throws if the disk of a folder has less space than is needed
 */
export async function checkFreeSpace(folder: string, neededBytes: number): Promise<void> {
  const { blocks, bavail, bsize } = await statfs(folder);
  if (blocks === 0) return; // some network file systems do not tell
  if (bavail * bsize < neededBytes) {
    throw lackOfSpace(folder, `only ${formatBytes(bavail * bsize)} are free`, { neededBytes, advice });
  }
}

/** The result of writing to the cache, whose errors then say what to do. */
export async function explained<T>(writing: Promise<T>, path: string, neededBytes: number): Promise<T> {
  try {
    return await writing;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["EACCES", "EPERM", "EROFS"].includes(code)) {
      throw new Error(
        `Image cache: expected to be allowed to write ${path}, got ${code}. Change its owner or permissions, ` +
          "set XDG_CACHE_HOME to a folder of yours, or go without by `--no-cache`.",
        { cause: error },
      );
    }
    throw explainFullDisk(error, path, { neededBytes, advice });
  }
}
