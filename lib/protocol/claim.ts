import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { withLock } from "../files/index.js";

/** How long the claim of another machine's process may go untouched: one step may block it for seconds. */
const abandonedAfterMs = 60_000;

/**
 * Runs an action as the only writer of a run directory. The claim is the file `run.lock` in it; that of a
 * process that died is taken over.
 * @param signal ends the wait for a claim of another machine
 * @throws if another process writes the run, naming it
 */
export async function withClaim<T>(
  directory: string,
  action: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  mkdirSync(directory, { recursive: true });
  return withLock(join(directory, "run"), action, {
    signal,
    abandonedAfterMs,
    onBroken: ({ pid }) => pid !== undefined && removeUnfinished(directory, pid),
    refuse: ({ pid = "unknown", host = "unknown", since = "an unknown time" }, lock) =>
      new Error(
        `${directory} is in use by process ${pid} on ${host}, since ${since}: expected one writer. ` +
          `Wait until it ends, or stop it and run this again (its claim is ${lock}).`,
      ),
  });
}

/** Removes what `writeFileAtomically` and its like had begun in a process that was killed. */
function removeUnfinished(directory: string, pid: number): void {
  for (const path of readdirSync(directory, { recursive: true, encoding: "utf8" }))
    if (path.endsWith(`.${pid}.tmp`)) rmSync(join(directory, path), { recursive: true, force: true });
}
