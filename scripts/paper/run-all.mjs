import { join } from "node:path";
import { runCommand } from "../setup/command.mjs";
import { packageRoot } from "../setup/files.mjs";

const main = join(packageRoot, "dist", "cli", "main.js");

/**
 * Makes the runs that are not finished, some at a time, with a line on stderr for each. Ctrl-C lets those that are going end their
 * iteration; they go on the next time. A failure does not stop the others.
 * @returns {Promise<{ failures: { label: string, reason: string }[], isInterrupted: boolean }>}
 */
export async function runAll(runs, jobs) {
  const interrupt = abortOnInterrupt();
  const open = runs.filter(({ isFinished }) => !isFinished);
  const failures = [];
  let done = runs.length - open.length;
  if (done > 0) say(`${done} of ${runs.length} runs are finished.`);
  const began = performance.now();
  const waiting = [...open];
  const work = async () => {
    for (let run = waiting.shift(); run && !interrupt.signal.aborted; run = waiting.shift()) {
      const start = performance.now();
      const { code, output } = await runCommand(process.execPath, [main, ...run.args], {
        env: { ...process.env, OMP_NUM_THREADS: "1" },
        signal: interrupt.signal,
      });
      if (interrupt.signal.aborted && code !== 0) return;
      done++;
      if (code !== 0) failures.push({ label: run.label, reason: lastLine(output) || `exit code ${code}` });
      const took = `${Math.round((performance.now() - start) / 1000)} s`;
      const left = runs.length - done;
      const perRun = (performance.now() - began) / (open.length - left);
      say(
        `[${done}/${runs.length}] ${run.label}  ${code === 0 ? took : "failed"}  ${left > 0 ? `${duration(perRun * left)} left` : ""}`,
      );
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return { failures, isInterrupted: interrupt.signal.aborted };
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

function duration(ms) {
  return ms < 90_000 ? `${Math.ceil(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}
