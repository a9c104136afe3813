import { randomUUID } from "node:crypto";
import { type FileHandle, link, open, readFile, rename, rm, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { explainFullDisk } from "./full-disk.js";
import { describeOwner, type LockOwner, livelinessOf, parseOwner } from "./lock-owner.js";

const beatMs = 2_000;
const pollMs = 200;
const silentMs = 3_000; // which is longer than most locks are held

/** Ids of the locks of this process: another one with its number is of an earlier process. */
const held = new Set<string>();

export interface LockOptions {
  readonly signal?: AbortSignal;
  /**
   * Called once if another process has the lock, with the name of the lock file. Default: a line on stderr,
   * after three seconds.
   */
  readonly onWait?: (lock: string) => void;
  /**
   * Called in place of waiting, once the process that has the lock is known to be alive. What it returns is
   * thrown.
   */
  readonly refuse?: (owner: LockOwner, lock: string) => Error;
  /** Called when the lock of a process that died was broken. */
  readonly onBroken?: (owner: LockOwner) => void;
  /** How long a lock may go untouched before it is broken. Default: 15,000. */
  readonly abandonedAfterMs?: number;
}

/**
 * Runs an action while no other process runs one for the same path, and waits for its turn. The lock is the
 * file `<path>.lock`. Its holder touches it every two seconds. The lock of a process that died is broken at
 * once on the same machine, elsewhere after fifteen seconds.
 * @throws the result of `refuse` if another process has the lock
 */
export async function withLock<T>(
  path: string,
  action: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const lock = `${path}.lock`;
  const id = randomUUID();
  const owner = describeOwner(id);
  const file = await acquire(lock, owner, options);
  held.add(id);
  const beat = setInterval(() => void file.utimes(new Date(), new Date()).catch(() => {}), beatMs);
  try {
    return await action();
  } finally {
    clearInterval(beat);
    held.delete(id);
    await file.close();
    if ((await ownerOf(lock)) === owner) await rm(lock, { force: true });
  }
}

async function acquire(lock: string, owner: string, options: LockOptions): Promise<FileHandle> {
  const { signal, onWait, refuse, onBroken, abandonedAfterMs = 15_000 } = options;
  let seen = { owner: "", mtimeMs: 0, since: 0 };
  let waitingSince: number | undefined;
  let isTold = false;
  for (;;) {
    signal?.throwIfAborted();
    const file = await create(lock, owner);
    if (file !== undefined) return file;
    const holder = await ownerOf(lock);
    const mtimeMs = (await stat(lock).catch(() => undefined))?.mtimeMs;
    if (holder === undefined || mtimeMs === undefined) continue; // released meanwhile
    // Clocks of machines differ: what counts is whether the lock is touched while we watch it.
    const isTouched = holder === seen.owner && mtimeMs !== seen.mtimeMs;
    if (holder !== seen.owner || isTouched) seen = { owner: holder, mtimeMs, since: performance.now() };
    const liveliness = livelinessOf(holder, held);
    if (refuse !== undefined && (liveliness === "alive" || isTouched)) throw refuse(parseOwner(holder), lock);
    if (liveliness === "dead" || performance.now() - seen.since > abandonedAfterMs) {
      await breakLock(lock, holder);
      onBroken?.(parseOwner(holder));
      continue;
    }
    if (waitingSince === undefined) onWait?.(lock);
    waitingSince ??= performance.now();
    if (onWait === undefined && !isTold && performance.now() - waitingSince >= silentMs) {
      isTold = true;
      process.stderr.write(`codyra: ${waitText(parseOwner(holder), lock, abandonedAfterMs)}\n`);
    }
    await sleep(pollMs, undefined, { signal });
  }
}

function waitText({ pid, host = "" }: LockOwner, lock: string, abandonedAfterMs: number): string {
  const plainHost = host.replaceAll(/[^\w.-]/g, "?"); // the file may say anything
  const who = pid === undefined ? "another process" : `process ${pid} on ${plainHost}`;
  return (
    `waits for ${lock}, the lock of ${who}. It is taken over once nothing has touched it for ${abandonedAfterMs / 1000} seconds. ` +
    "If that process has ended, remove the file."
  );
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
    throw explainFullDisk(error, lock, { advice: "Free some and run it again." });
  }
}

async function ownerOf(lock: string): Promise<string | undefined> {
  return readFile(lock, "utf8").catch(() => undefined);
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
