import { barrier } from "./collectives.js";
import { end } from "./group.js";

/** Leaves the group when all have come to this point, with nothing in flight. */
export async function close(): Promise<void> {
  await barrier();
  end();
}
