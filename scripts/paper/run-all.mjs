import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { runCommand } from "../setup/command.mjs";
import { readJson, writeJson } from "../setup/files.mjs";
import { isClaimed } from "./claims.mjs";

const makeRun = fileURLToPath(new URL("./make-run.mjs", import.meta.url));
const [claimedElsewhere, interrupted] = [75, 130];
const pollMs = 500;

/** The file by which the processes that share a plan's folder inform each other. */
const stateFile = (folder, kind, id) => join(folder, ".plan", kind, id.replaceAll("/", "__"));

/** Why the last attempt at a run failed; `undefined` where it did not. */
export function failureOf(folder, { id }) {
  return readJson(stateFile(folder, "failures", id))?.reason;
}

export function isRunning(folder, { id }) {
  return isClaimed(stateFile(folder, "claims", id));
}

/**
 * Makes the runs that are not finished, some at a time, with a line on stderr for each; other processes may
 * share the folder. A run that fails is recorded and left out by all until `retry`. Ctrl-C lets those that
 * are going end their iteration; they go on the next time. Ends when nothing is left to do, here and
 * elsewhere.
 * @returns {Promise<{ failures: { id: string, reason: string }[], isInterrupted: boolean }>}
 */
export async function runAll(runs, folder, { jobs, retry = false }) {
  const { signal } = abortOnInterrupt();
  if (retry) for (const { id } of runs) rmSync(stateFile(folder, "failures", id), { force: true });
  const open = new Set(runs.filter((run) => !run.isFinished()));
  if (open.size < runs.length) say(`${runs.length - open.size} of ${runs.length} runs are finished.`);
  const began = performance.now();
  const mine = new Set();
  const threads = String(Math.max(1, Math.floor(availableParallelism() / jobs)));
  let done = 0;

  const make = async (run) => {
    const start = performance.now();
    const { code, output } = await runCommand(
      process.execPath,
      [makeRun, stateFile(folder, "claims", run.id), ...run.args],
      { env: { ...process.env, OMP_NUM_THREADS: threads }, signal },
    );
    if (signal.aborted || code === claimedElsewhere || code === interrupted) return;
    const succeeded = code === 0 && run.isFinished();
    if (!succeeded) {
      const reason = code === 0 ? "it ended without being finished" : lastLine(output) || `exit code ${code}`;
      writeJson(stateFile(folder, "failures", run.id), { reason, at: new Date().toISOString() });
    }
    done++;
    open.delete(run);
    const left = open.size > 0 ? `  ${duration(((performance.now() - began) / done) * open.size)} left` : "";
    const position = `[${runs.length - open.size}/${runs.length}]`;
    say(`${position} ${run.id}  ${succeeded ? duration(performance.now() - start) : "failed"}${left}`);
  };

  const work = async () => {
    for (let waiting = false; !signal.aborted; ) {
      for (const run of open)
        if (!mine.has(run) && (run.isFinished() || hasFailed(folder, run))) open.delete(run);
      const next = [...open].find((run) => !mine.has(run) && isReady(run) && !isRunning(folder, run));
      if (next) {
        mine.add(next);
        await make(next);
        mine.delete(next);
        waiting = false;
      } else if ([...open].every((run) => !mine.has(run) && !isRunning(folder, run))) {
        return; // what is left needs runs that failed
      } else {
        const others = [...open].filter((run) => !mine.has(run));
        if (!waiting && mine.size === 0) say(`Waiting for ${others.length} runs of other processes.`);
        waiting = true;
        await sleep(pollMs, undefined, { signal }).catch(() => {});
      }
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return { failures: failures(runs, folder), isInterrupted: signal.aborted };
}

function isReady({ needs }) {
  return needs === undefined || needs.isFinished();
}

function hasFailed(folder, run) {
  return failureOf(folder, run) !== undefined || (run.needs !== undefined && hasFailed(folder, run.needs));
}

function failures(runs, folder) {
  return runs.flatMap((run) => {
    const reason = run.isFinished() ? undefined : failureOf(folder, run);
    return reason === undefined ? [] : [{ id: run.id, reason }];
  });
}

/** The first Ctrl-C or polite kill aborts, the second ends the process at once, and its children with it. */
function abortOnInterrupt() {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(130);
      say("Stopping; the same command goes on from here.");
      controller.abort();
    });
  }
  return controller;
}

function say(line) {
  process.stderr.write(`${line.trimEnd()}\n`);
}

function lastLine(output) {
  return output.trimEnd().split("\n").at(-1);
}

/** In words: `40 s`, `25 min`, `3.5 h`, `9 days`. */
export function duration(ms) {
  if (ms < 90_000) return `${Math.ceil(ms / 1000)} s`;
  if (ms < 5_400_000) return `${Math.round(ms / 60_000)} min`;
  return ms < 172_800_000 ? `${(ms / 3_600_000).toFixed(1)} h` : `${Math.round(ms / 86_400_000)} days`;
}
