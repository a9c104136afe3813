import { spawn } from "node:child_process";
import { join } from "node:path";
import { freePort } from "../../../lib/torch/distributed/launch.js";

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** Resolves once the process has printed the text. */
  printed(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a script of `children/` once for each rank, as a launcher would. */
export async function startRanks(
  script: string,
  count: number,
  args: readonly string[] = [],
): Promise<Running[]> {
  const port = await freePort();
  return Array.from({ length: count }, (_, rank) =>
    start([join(import.meta.dirname, "children", script), ...args], {
      RANK: `${rank}`,
      WORLD_SIZE: `${count}`,
      LOCAL_RANK: `${rank}`,
      LOCAL_WORLD_SIZE: `${count}`,
      MASTER_ADDR: "127.0.0.1",
      MASTER_PORT: `${port}`,
      OMP_NUM_THREADS: "1",
    }),
  );
}

/** The JSON on the last line of each rank. @throws with what a rank printed if it failed */
export async function runRanks<T>(script: string, count: number, args: readonly string[] = []): Promise<T[]> {
  const ranks = await startRanks(script, count, args);
  const ended = await Promise.all(ranks.map(({ ended }) => ended));
  return ended.map(({ code, signal, stdout, stderr }, rank) => {
    if (code !== 0) throw new Error(`Rank ${rank} ended with ${code ?? signal}.\n${stderr}`);
    return JSON.parse(stdout.trimEnd().split("\n").at(-1) as string) as T;
  });
}

function start(args: readonly string[], variables: Readonly<Record<string, string>>): Running {
  const child = spawn(process.execPath, args, { env: { ...process.env, ...variables } });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const ended = new Promise<Ended>((resolve) =>
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr })),
  );
  const printed = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (stdout.includes(text)) resolve();
      };
      child.stdout.on("data", look);
      look();
      void ended.then(() => reject(new Error(`It ended without '${text}'.\n${stdout}\n${stderr}`)));
    });
  return { pid: child.pid as number, ended, printed, kill: (signal) => void child.kill(signal) };
}
