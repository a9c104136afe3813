import { rank, worldSize } from "./group.js";

/** Consecutive rows, from `start` up to but without `end`; none where they are equal. */
export interface Rows {
  readonly start: number;
  readonly end: number;
}

/**
 * The rows of a batch that a process computes: blocks of ⌈total / processes⌉, the last ones shorter or empty.
 */
export function ownRows(total: number, place = { rank: rank(), worldSize: worldSize() }): Rows {
  const block = Math.ceil(total / place.worldSize);
  const start = Math.min(place.rank * block, total);
  return { start, end: Math.min(start + block, total) };
}
