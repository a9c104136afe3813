import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { renameDurably, syncFile, syncFolder } from "./durable-file.js";
import { explainFullDisk } from "./full-disk.js";

/**
 * Writes the files of a directory under a temporary name. They are complete before the first of them appears
 * in `directory`, and gone when `write` throws; other files in `directory` are left alone. Files and names
 * are on the disk when this returns.
 * @param write writes the files into the directory it is given
 */
export function writeDirectory(directory: string, write: (temporary: string) => void): void {
  const target = resolve(directory);
  const temporary = `${target}.${process.pid}.tmp`;
  mkdirSync(dirname(target), { recursive: true });
  try {
    mkdirSync(temporary);
    write(temporary);
    for (const { parentPath, name, isFolder } of entriesBelow(temporary))
      (isFolder ? syncFolder : syncFile)(join(parentPath, name));
    syncFolder(temporary);
    moveInto(temporary, target);
  } catch (error) {
    throw explainFullDisk(error, target, { neededBytes: sizeOf(temporary) });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function moveInto(from: string, to: string): void {
  if (!existsSync(to)) renameDurably(from, to);
  else if (!statSync(from).isDirectory()) renameSync(from, to);
  else {
    for (const name of readdirSync(from)) moveInto(join(from, name), join(to, name));
    syncFolder(to);
  }
}

function entriesBelow(folder: string) {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries.map((entry) => ({
    parentPath: entry.parentPath,
    name: entry.name,
    isFolder: entry.isDirectory(),
  }));
}

/** Bytes that were written before the disk was full: at least as many are needed. */
function sizeOf(folder: string): number {
  if (!existsSync(folder)) return 0;
  return entriesBelow(folder)
    .filter(({ isFolder }) => !isFolder)
    .reduce((bytes, { parentPath, name }) => bytes + statSync(join(parentPath, name)).size, 0);
}
