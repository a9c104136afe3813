import { readFileSync } from "node:fs";
import { UsageError } from "./usage-error.js";

/**
 * The content of a text file that a flag or a configuration names, without a byte order mark.
 * @param source the flag or setting that names the file, such as `--texts words.txt`
 * @throws UsageError if it cannot be read
 */
export function readTextFile(path: string, source: string): string {
  try {
    return readFileSync(path, "utf8").replace(/^\uFEFF/, "");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new UsageError(`${source}: expected a text file, got ${code}. Check the path.`, { cause });
  }
}

/** The lines of a text file that are not blank. @throws UsageError if it cannot be read */
export function readTextLines(path: string, source: string): string[] {
  return readTextFile(path, source)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "");
}
