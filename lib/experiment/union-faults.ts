import type { z } from "zod";

/**
 * The faults of the member of a union that was meant, rather than of all of them, for the union's message.
 * @param member its position in the union
 */
export function faultsOf({ errors }: z.core.$ZodRawIssue, member: number): string {
  const faults = ((errors ?? []) as z.core.$ZodIssue[][])[member] ?? [];
  return faults
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`))
    .join("; ");
}
