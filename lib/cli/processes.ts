import { abortOnInterrupt } from "./interrupt.js";
import { Progress } from "./output/progress.js";

/** Errors that the first process tells as well: the others keep quiet. */
const told = new WeakSet<Error>();

export function isToldByFirst(error: unknown): boolean {
  return error instanceof Error && told.has(error);
}

/** Number of this process among those that a launcher started, before it has joined them. */
export function launchedRank(): number {
  return Number(process.env.RANK ?? process.env.SLURM_PROCID ?? 0);
}

/** Has this process stop, as after a signal, when the launcher that started it is killed. */
export function stopWithLauncher(): void {
  if (process.env.CODYRA_LAUNCH === undefined || process.channel == null) return;
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
  process.channel.unref(); // it keeps no process that has nothing else to do
}

/**
 * Does work that can be stopped and gone on with, together with the other processes that a launcher started,
 * or by itself.
 * @param toGoOn the command line that goes on with it
 * @param action `progress`: of the first process, which alone writes and prints
 */
export async function withProcesses<T>(
  toGoOn: () => string,
  action: (signal: AbortSignal, progress: Progress | undefined) => Promise<T>,
): Promise<T> {
  const progress = new Progress();
  const { signal } = abortOnInterrupt(() => {
    if (launchedRank() === 0) progress.say(`Stopping after this iteration. To go on: ${toGoOn()}`);
  });
  const { distributed, setNumThreads } = await import("../torch/index.js");
  const onWait = (missing: readonly number[], place: string) => {
    if (isFirstOfThose(launchedRank(), missing))
      progress.say(`Waiting at ${place} for rank${missing.length > 1 ? "s" : ""} ${shortened(missing)}.`);
  };
  await distributed.init({ signal, onWait });
  const place = distributed.place();
  if (place === undefined) return await action(signal, progress);
  const threads = distributed.threadsOf(place);
  setNumThreads(threads);
  if (place.rank === 0)
    progress.say(`Processes  ${place.worldSize}, of ${threads} thread${threads > 1 ? "s" : ""} each`);
  try {
    const result = await action(signal, place.rank === 0 ? progress : undefined);
    await distributed.close();
    return result;
  } catch (error) {
    if (distributed.leave(error as Error)) told.add(error as Error);
    throw error;
  }
}

/** Whether a process is the first one that is there: it speaks for all. */
export function isFirstOfThose(rank: number, missing: readonly number[]): boolean {
  return missing.filter((each) => each < rank).length === rank;
}

function shortened(ranks: readonly number[], most = 8): string {
  const more = ranks.length > most ? ` and ${ranks.length - most} more` : "";
  return ranks.slice(0, most).join(", ") + more;
}
