import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

const running = new Set();
process.once("exit", () => {
  for (const child of running) endGroup(child);
});

/**
 * Runs a command to its end and collects its output.
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, onLine?: (line: string) => void, signal?: AbortSignal }}
 * options
 *   signal: ends the command
 * @returns {Promise<{ code: number, output: string }>} stdout and stderr together; code 127 when it cannot be
 * started
 */
export function runCommand(command, args, { cwd, env = process.env, onLine, signal } = {}) {
  return new Promise((resolve) => {
    // In a process group of its own, so that what it has started ends with it.
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    if (child.pid) running.add(child);
    const end = () => endGroup(child);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      let rest = "";
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
        const lines = (rest + text).split("\n");
        rest = lines.pop();
        if (onLine) lines.forEach(onLine);
      });
    }
    const finish = (code) => {
      running.delete(child);
      signal?.removeEventListener("abort", end);
      resolve({ code, output });
    };
    child.on("error", (error) => {
      output += error.message;
      finish(127);
    });
    child.on("close", (code) => finish(code ?? 1));
  });
}

function endGroup(child) {
  try {
    process.kill(-child.pid);
  } catch {
    // It ended in between.
  }
}

/**
 * Runs a command on this terminal. Ctrl-C reaches both processes through the terminal; signals sent to this
 * one alone are passed on.
 * @returns {Promise<number>} the exit code, 128 + the signal's number as shells have it
 */
export function runInForeground(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit", ...options });
    const signals = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 };
    const passOn = (signal) => {
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    };
    for (const signal of Object.keys(signals)) process.on(signal, passOn);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      for (const name of Object.keys(signals)) process.off(name, passOn);
      resolve(code ?? 128 + (signals[signal] ?? 0));
    });
  });
}

/** The full path of a program, looked up on PATH as a shell does; undefined when there is none. */
export function which(program, path = process.env.PATH ?? "") {
  const candidates = isAbsolute(program)
    ? [program]
    : path.split(delimiter).map((folder) => join(folder, program));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return statSync(candidate).isFile();
    } catch {
      return false;
    }
  });
}
