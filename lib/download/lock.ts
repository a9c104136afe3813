import { randomUUID } from "node:crypto";
import { type FileHandle, link, open, readFile, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { explainDiskError } from "./errors.js";

const beatMs = 2_000;
const pollMs = 200;

export interface LockOptions {
  readonly signal?: AbortSignal;
  /** Called once if another process has the lock, with the name of the lock file. */
  readonly onWait?: (lock: string) => void;
  /** How long a lock may go untouched before it is broken. Default: 15,000. */
  readonly abandonedAfterMs?: number;
}

/**
 * Runs an action while no other process runs one for the same path, and waits for its turn. The lock is the
 * file `<path>.lock`. Its holder touches it every two seconds; the lock of a process that died is broken at
 * once on the same machine, elsewhere after fifteen seconds.
 */
export async function withLock<T>(
  path: string,
  action: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const lock = `${path}.lock`;
  const owner = JSON.stringify({ host: hostname(), pid: process.pid, id: randomUUID() });
  const file = await acquire(lock, owner, options);
  const beat = setInterval(() => void file.utimes(new Date(), new Date()).catch(() => {}), beatMs);
  try {
    return await action();
  } finally {
    clearInterval(beat);
    await file.close();
    if ((await ownerOf(lock)) === owner) await rm(lock, { force: true });
  }
}

async function acquire(lock: string, owner: string, options: LockOptions): Promise<FileHandle> {
  const { signal, onWait, abandonedAfterMs = 15_000 } = options;
  let seen = { owner: "", mtimeMs: 0, since: 0 };
  let isWaiting = false;
  for (;;) {
    signal?.throwIfAborted();
    const file = await create(lock, owner);
    if (file !== undefined) return file;
    const holder = await ownerOf(lock);
    const mtimeMs = (await stat(lock).catch(() => undefined))?.mtimeMs;
    if (holder === undefined || mtimeMs === undefined) continue; // released meanwhile
    // Clocks of machines differ: what counts is whether the lock is touched while we watch it.
    if (holder !== seen.owner || mtimeMs !== seen.mtimeMs) {
      seen = { owner: holder, mtimeMs, since: performance.now() };
    }
    if (isDead(holder) || performance.now() - seen.since > abandonedAfterMs) {
      await breakLock(lock, holder);
      continue;
    }
    if (!isWaiting) onWait?.(lock);
    isWaiting = true;
    await sleep(pollMs, undefined, { signal });
  }
}

/** @returns `undefined` if it exists */
async function create(lock: string, owner: string): Promise<FileHandle | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(lock, "wx");
    await file.writeFile(owner);
    return file;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    await file?.close();
    if (file !== undefined) await rm(lock, { force: true });
    throw explainDiskError(error, lock, "Free some space and run it again.");
  }
}

async function ownerOf(lock: string): Promise<string | undefined> {
  return readFile(lock, "utf8").catch(() => undefined);
}

function isDead(owner: string): boolean {
  try {
    const { host, pid } = JSON.parse(owner) as { host: unknown; pid: unknown };
    if (host !== hostname()) return false;
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

async function breakLock(lock: string, holder: string): Promise<void> {
  const aside = `${lock}.${randomUUID()}`;
  try {
    await rename(lock, aside);
    // Another process may have broken the same lock first and taken it: give it back.
    if ((await ownerOf(aside)) !== holder) await link(aside, lock);
  } catch (error) {
    if (!["ENOENT", "EEXIST"].includes(String((error as NodeJS.ErrnoException).code))) throw error;
  } finally {
    await rm(aside, { force: true });
  }
}
