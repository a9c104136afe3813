import { mkdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const beatMs = 2_000;
const staleMs = 20_000; // ten missed beats: its owner is gone

/**
 * Runs `work` while holding the lock file `path`, so that two set-ups at once do not write the same files.
 * The owner touches the file while it works; one that is no longer touched was left behind and is taken over.
 * @param {() => void} onWait called once when another process holds the lock
 */
export async function withLock(path, work, onWait) {
  mkdirSync(dirname(path), { recursive: true });
  for (let waiting = false; !tryCreate(path); await sleep(200)) {
    if (!waiting) onWait();
    waiting = true;
    removeStale(path);
  }
  const release = () => rmSync(path, { force: true });
  const heartbeat = setInterval(() => touch(path), beatMs);
  process.once("exit", release);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    process.off("exit", release);
    release();
  }
}

function tryCreate(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

function removeStale(path) {
  try {
    if (Date.now() - statSync(path).mtimeMs < staleMs) return;
    // Renaming succeeds for one waiter only, so a lock that was just taken over is not removed by the next
    // one.
    renameSync(path, `${path}.${process.pid}`);
    rmSync(`${path}.${process.pid}`);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
}

function touch(path) {
  try {
    utimesSync(path, new Date(), new Date());
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
}
