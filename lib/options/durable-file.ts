import { closeSync, fsyncSync, openSync, renameSync } from "node:fs";
import { dirname } from "node:path";

/** Waits until the content of a file is on the disk, where a loss of power leaves it. */
export function syncFile(path: string): void {
  const file = openSync(path, "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The same for the names in a folder. Some network file systems have nothing to wait for, and say so. */
export function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!["EINVAL", "ENOTSUP", "EPERM", "EISDIR"].includes(code)) throw error;
  } finally {
    closeSync(folder);
  }
}

/** Gives a file or folder whose content is on the disk its name, and returns when the name is there too. */
export function renameDurably(from: string, to: string): void {
  renameSync(from, to);
  syncFolder(dirname(to));
}

const codes = /\b(?:ENOSPC|EDQUOT|EFBIG)\b/;
const words = /No space left on device|Disk quota exceeded|File too large/; // of errors that come from C++

/** Whether the disk, the user's share of it or the largest file of its kind is full. */
export function isDiskFull(error: unknown): boolean {
  const { code = "", message = "" } = error as NodeJS.ErrnoException;
  return codes.test(code) || codes.test(message) || words.test(message);
}

/**
 * Says in words when the disk is full; any other error is returned as it is.
 * @param path what was being written   @param neededBytes its size
 */
export function explainFullDisk(error: unknown, path: string, neededBytes: number): unknown {
  if (!isDiskFull(error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  return new Error(
    `${path}: expected ${formatBytes(neededBytes)} of space to write to, but the disk is full${code === undefined ? "" : ` (${code})`}. ` +
      "What was there before is unchanged. Free some, or choose a folder on another disk; then run the same command again.",
    { cause: error },
  );
}

function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}
