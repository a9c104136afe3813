import { readFileSync } from "node:fs";
import { decodeText } from "./decode-text.js";
import { UsageError } from "./usage-error.js";

/**
 * The content of a text file that a flag or a configuration names, without a byte order mark.
 * @param source the flag or setting that names the file, such as `--texts words.txt`
 * @throws UsageError if it cannot be read, or is in neither UTF-8 nor UTF-16
 */
export function readTextFile(path: string, source: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new UsageError(`${source}: expected a text file, got ${code}. Check the path.`, { cause });
  }
  try {
    return decodeText(bytes, source);
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}

/** The lines of a text file that are not blank. @throws UsageError if it cannot be read */
export function readTextLines(path: string, source: string): string[] {
  return readTextFile(path, source)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "");
}
