import { spawn } from "node:child_process";

const running = new Set();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/**
 * Runs Node in a process of its own, so that whatever ends it is counted.
 * @param {string[]} args Node's own options, a script and its arguments
 * @param {{ quietMs?: number, signal?: { name: string, afterMs: number }, command?: string[] }} options
 *   - quietMs: kill it, as one that hangs, after so long without output
 *   - signal: send it one
 *   - command: starts Node, default Node itself
 * @returns {Promise<{ code: number | null, signal: string | null, stdout: string, stderr: string,
 *   isHanging: boolean }>}
 */
export function runNode(args, { quietMs = 120_000, signal, command = [] } = {}) {
  return new Promise((resolve) => {
    const [program, ...rest] = [...command, process.execPath, ...args];
    const child = spawn(program, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, OMP_NUM_THREADS: "1" },
    });
    running.add(child);
    const result = { stdout: "", stderr: "", isHanging: false };
    const giveUp = () => {
      result.isHanging = true;
      child.kill("SIGKILL");
    };
    let silence = setTimeout(giveUp, quietMs);
    const sending = signal && setTimeout(() => child.kill(signal.name), signal.afterMs);
    for (const stream of ["stdout", "stderr"]) {
      child[stream].setEncoding("utf8").on("data", (text) => {
        result[stream] += text;
        clearTimeout(silence);
        silence = setTimeout(giveUp, quietMs);
      });
    }
    child.on("error", (error) => {
      result.stderr += error.message;
    });
    child.on("close", (code, by) => {
      running.delete(child);
      clearTimeout(silence);
      clearTimeout(sending);
      resolve({ ...result, code, signal: by });
    });
  });
}

/** Whether a process ended by a signal that nobody sent, or aborted. */
export function isAbort({ code, signal }, sent) {
  const isOrderly = sent !== undefined && afterSignals.includes(code);
  return (signal !== null && signal !== sent) || (code !== null && code >= 128 && !isOrderly);
}

/** Exit codes of processes that end themselves after SIGHUP, SIGINT and SIGTERM. */
const afterSignals = [129, 130, 143];

/** The last lines of what a process said, for a finding. */
export function lastWords({ stdout, stderr }) {
  return (stderr.trim() || stdout.trim()).split("\n").slice(-4).join("\n    ");
}
