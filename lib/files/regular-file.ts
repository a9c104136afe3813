import { statSync } from "node:fs";

/**
 * Checks that a path is a file before it is opened: reading a folder fails without its name, and reading a
 * pipe waits for ever.
 * @param mostBytes default: any size
 * @returns its size in bytes
 * @throws if it is missing, is no file or is larger, naming the path
 */
export function checkRegularFile(path: string, mostBytes = Number.POSITIVE_INFINITY): number {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) throw new Error(`${path} is missing: expected a file. Check the path.`);
  if (!status.isFile()) {
    const what = status.isDirectory() ? "a folder" : "a device or a pipe";
    throw new Error(`${path}: expected a file, got ${what}. Remove it, or give the path of the file.`);
  }
  if (status.size > mostBytes) {
    throw new Error(
      `${path}: expected at most ${mostBytes} bytes, got ${status.size}. It is not what its name says; download it again.`,
    );
  }
  return status.size;
}
