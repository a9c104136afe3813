import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/**
 * Writes the files of a directory under a temporary name. They are complete before the first of them appears
 * in `directory`, and gone when `write` throws; other files in `directory` are left alone.
 * @param write writes the files into the directory it is given
 */
export function writeDirectory(directory: string, write: (temporary: string) => void): void {
  const target = resolve(directory);
  const temporary = `${target}.${process.pid}.tmp`;
  mkdirSync(dirname(target), { recursive: true });
  try {
    mkdirSync(temporary);
    write(temporary);
    moveInto(temporary, target);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function moveInto(from: string, to: string): void {
  if (!existsSync(to) || !statSync(from).isDirectory()) {
    renameSync(from, to);
    return;
  }
  for (const name of readdirSync(from)) moveInto(join(from, name), join(to, name));
}
