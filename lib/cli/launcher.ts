import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import { tell } from "./output/print.js";

/** How long the others may take to notice that one process has failed, and to end. */
const graceMs = 20_000;

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs this command once in each of several processes of this machine, with what `torchrun` would set. The
 * first one has the terminal; what the others say on stderr is told with their rank.
 * @param words the command and its arguments
 * @returns the exit code of the first process that failed, else 0
 */
export async function launch(words: readonly string[], processes: number): Promise<number> {
  const { distributed } = await import("../torch/index.js");
  const port = await distributed.freePort();
  const children = Array.from({ length: processes }, (_, rank) =>
    start(words, rank, {
      ...distributed.launchVariables(rank, processes, port),
      CODYRA_LAUNCH: `launch --processes ${processes}`,
    }),
  );
  const forward = (signal: NodeJS.Signals): void => {
    for (const child of children) child.kill(signal);
  };
  for (const signal of signals) process.on(signal, forward);
  let failed: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const ended = children.map(async (child) => {
    const code = await exitCodeOf(child);
    if (code === 0) return;
    failed ??= code;
    timer ??= setTimeout(() => forward("SIGKILL"), graceMs);
  });
  await Promise.all(ended);
  clearTimeout(timer);
  for (const signal of signals) process.off(signal, forward);
  return failed ?? 0;
}

function start(
  words: readonly string[],
  rank: number,
  variables: Readonly<Record<string, string>>,
): ChildProcess {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1] as string, ...words], {
    stdio: rank === 0 ? ["inherit", "inherit", "inherit", "ipc"] : ["ignore", "ignore", "pipe", "ipc"],
    env: { ...process.env, ...variables },
  });
  if (child.stderr) {
    createInterface({ input: child.stderr }).on("line", (line) => {
      tell(`[rank ${rank}] ${line}\n`);
    });
  }
  return child;
}

/** As shells count: 128 and the signal's number for a process that a signal ended. */
function exitCodeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? "SIGKILL"]));
  });
}
