import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { torch } from "../../dist/index.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Collects the conditions of a measurement besides its own configuration. */
export async function collectEnvironment() {
  const { version } = JSON.parse(await readFile(`${root}package.json`, "utf8"));
  return {
    codyra: version,
    commit: await commit(),
    node: process.versions.node,
    libtorch: torch.version(),
    cpu: cpus()[0]?.model ?? process.arch,
    cores: cpus().length,
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
  };
}

/** The commit that is checked out, with `+` when files differ from it; null outside of a Git checkout. */
async function commit() {
  const git = async (...args) => (await promisify(execFile)("git", args, { cwd: root })).stdout.trim();
  try {
    const hash = await git("rev-parse", "HEAD");
    return (await git("status", "--porcelain")) === "" ? hash : `${hash}+`;
  } catch {
    return null;
  }
}
