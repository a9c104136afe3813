/** Errors that the first process tells as well: the others keep quiet. */
const told = new WeakSet<Error>();

export function isToldByFirst(error: unknown): boolean {
  return error instanceof Error && told.has(error);
}

/**
 * Runs an action together with the other processes that a launcher started, or by itself.
 * @param say a line of progress
 * @param action whether this process is the first one, which writes and prints
 */
export async function withProcesses<T>(
  signal: AbortSignal,
  say: (line: string) => void,
  action: (isFirst: boolean) => Promise<T>,
): Promise<T> {
  const { distributed, setNumThreads } = await import("../torch/index.js");
  const onWait = (missing: readonly number[], place: string) =>
    say(`Waiting at ${place} for rank${missing.length > 1 ? "s" : ""} ${missing.join(", ")}.`);
  await distributed.init({ signal, onWait });
  const place = distributed.place();
  if (place === undefined) return await action(true);
  const threads = distributed.threadsOf(place);
  setNumThreads(threads);
  if (place.rank === 0)
    say(`Processes  ${place.worldSize}, of ${threads} thread${threads > 1 ? "s" : ""} each`);
  try {
    const result = await action(place.rank === 0);
    await distributed.close();
    return result;
  } catch (error) {
    if (distributed.leave(error as Error)) told.add(error as Error);
    throw error;
  }
}
