import { barrier } from "./collectives.js";
import { collectivesInFlight, end } from "./group.js";

/**
 * Leaves the group when all have come to this point.
 * @throws if a collective of this process is in flight: nobody would learn of its failure
 */
export async function close(): Promise<void> {
  await barrier();
  const left = collectivesInFlight();
  end();
  if (left === 0) return;
  throw new Error(
    `distributed.close: expected nothing in flight, got ${left} collective${left > 1 ? "s" : ""} that nobody waited for. Call wait() or done() of what startAllReduce returned.`,
  );
}
