import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that holds codyra's package.json. */
export const packageRoot = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");

/** The parsed file, or undefined where it is missing or half written. */
export function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** Writes to a temporary name first, so that nobody ever reads half a file. */
export function writeJson(path, value) {
  const temporary = `${path}.${process.pid}.tmp`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`);
  renameSync(temporary, path);
}

/** SHA-256 over the names and contents of files (folders: everything below them) and over `extra`. */
export function hashFiles(paths, extra = "") {
  const hash = createHash("sha256").update(extra);
  for (const path of paths.flatMap(filesBelow).sort()) {
    hash.update(`\0${relative(packageRoot, path)}\0`).update(readFileSync(path));
  }
  return hash.digest("hex");
}

function filesBelow(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
