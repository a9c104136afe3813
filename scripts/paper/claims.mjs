import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { Worker } from "node:worker_threads";

const beatMs = 2_000;
const staleMs = 60_000; // thirty missed beats: its owner is gone

/**
 * When a claim was seen to beat, by this process's clock: those of machines that share a folder may differ.
 */
const seen = new Map();

/**
 * Claims work for this process, among all processes that share the folder. A claim is a file, made in one
 * step, with a number; the highest number holds. One whose owner is gone is superseded by the next number
 * rather than removed, so that two that take over at once cannot both succeed.
 * @returns {{ release: () => void } | undefined} undefined while another process holds it
 */
export function tryClaim(path) {
  const before = latest(path);
  if (before && isHeld(before)) return undefined;
  mkdirSync(dirname(path), { recursive: true });
  const file = `${path}.${(before?.number ?? 0) + 1}`;
  try {
    writeFileSync(file, JSON.stringify({ machine: machine(), pid: process.pid }), { flag: "wx" });
  } catch (error) {
    if (error.code === "EEXIST") return undefined;
    throw error;
  }
  return keepAlive(file);
}

/** Whether a process holds the claim. */
export function isClaimed(path) {
  const found = latest(path);
  return found !== undefined && isHeld(found);
}

/** Touches the claim from a thread of its own: training may keep this one busy for long. */
function keepAlive(file) {
  const workerData = { file, beatMs };
  const worker = new Worker(new URL("./heartbeat.mjs", import.meta.url), { workerData, execArgv: [] });
  worker.unref();
  const release = () => {
    process.off("exit", release);
    void worker.terminate();
    utimesSync(file, 0, 0);
  };
  process.once("exit", release);
  return { release };
}

function latest(path) {
  const prefix = `${basename(path)}.`;
  const numbers = list(dirname(path)).flatMap((name) => {
    const number = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN;
    return Number.isInteger(number) ? [number] : [];
  });
  if (numbers.length === 0) return undefined;
  const number = Math.max(...numbers);
  return { number, file: join(dirname(path), prefix + number) };
}

function isHeld({ file }) {
  const beat = statSync(file).mtimeMs;
  if (beat === 0) return false; // released
  const owner = ownerOf(file);
  if (owner?.machine === machine() && !isRunning(owner.pid)) return false;
  const before = seen.get(file);
  if (before?.beat !== beat) seen.set(file, { beat, at: performance.now() });
  return performance.now() - seen.get(file).at < staleMs;
}

function ownerOf(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined; // not written yet
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Names the space of process ids: containers may share a host's name. */
function machine() {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return [hostname(), boot, readlinkSync("/proc/self/ns/pid")].join(" ");
  } catch {
    return hostname();
  }
}

function list(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
