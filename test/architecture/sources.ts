import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../lib/files/index.js";

/** A file of the package. */
export interface Source {
  /** Relative to the package. */
  readonly path: string;
  readonly text: string;
}

const folders = ["lib", "native", "test", "bench", "scripts", "configs", "examples"];
const isSource = (path: string) => /\.(ts|mjs|cc|h|cu|py|sh|yaml)$/.test(path) && !path.includes("generated");

/** All sources written by hand. Files not yet staged count: their author learns of faults before a commit. */
export function readSources(): Source[] {
  const listing = ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", ...folders];
  return execFileSync("git", listing, { cwd: packageRoot, encoding: "utf8" })
    .split("\n")
    .filter((path) => isSource(path) && existsSync(join(packageRoot, path)))
    .map((path) => ({ path, text: readFileSync(join(packageRoot, path), "utf8") }));
}
