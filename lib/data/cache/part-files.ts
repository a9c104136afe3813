import { randomBytes } from "node:crypto";
import { open, readdir, rename, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { processExists } from "../../files/index.js";
import { explained } from "./write-errors.js";

// A part is a file of images that is being written. Its name says by whom, so that what a dead process left
// can be told and completed: <key>.<process>@<host>.<random>.part, or <key>.free.<random>.part after an
// orderly stop.
const pattern = /^(?<key>[0-9a-f]{64})\.(?:free|(?<pid>\d+)@(?<host>[\w-]+))\.[0-9a-f]{12}\.part$/;
const thisHost = hostname().replaceAll(/[^\w-]/g, "_");
const abandonedAfterMs = 24 * 3600 * 1000;

/** Names of finished files. */
export const finishedPattern = /^[0-9a-f]{64}\.safetensors$/;

/** The finished file of a key. */
export function finishedPath(directory: string, key: string): string {
  return join(directory, `${key}.safetensors`);
}

export function isPart(fileName: string): boolean {
  return pattern.test(fileName);
}

/**
 * A part that this process alone writes: one that was left by another, or else a new one, which is empty.
 * @param damaged a finished file of this key that has to be made again, taken before all others
 * @returns its path
 */
export async function takePart(directory: string, key: string, damaged?: string): Promise<string> {
  const own = partPath(directory, key, `${process.pid}@${thisHost}`);
  if (damaged !== undefined && (await moved(damaged, own))) return own;
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (pattern.exec(name)?.groups?.key === key && (await isOrphan(path)) && (await moved(path, own)))
      return own;
  }
  await (await explained(open(own, "wx"), own, 0)).close();
  return own;
}

/** Leaves a part to whoever wants to complete it. */
export async function releasePart(path: string): Promise<void> {
  const key = pattern.exec(basename(path))?.groups?.key as string;
  await moved(path, partPath(dirname(path), key, "free"));
}

/** Whether nobody writes a part any more. */
export async function isOrphan(path: string): Promise<boolean> {
  const { pid, host } = pattern.exec(basename(path))?.groups ?? {};
  if (pid === undefined) return true;
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
  if (Date.now() - mtimeMs > abandonedAfterMs) return true; // whoever has that number, on whatever host, is not writing it
  if (host !== thisHost) return false;
  return Number(pid) === process.pid ? mtimeMs < performance.timeOrigin : !processExists(Number(pid));
}

function partPath(directory: string, key: string, owner: string): string {
  return join(directory, `${key}.${owner}.${randomBytes(6).toString("hex")}.part`);
}

/** Renaming decides between processes: only one of them succeeds. */
async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
