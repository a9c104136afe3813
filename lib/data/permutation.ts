import type { Random } from "./random.js";

/**
 * The integers 0..length−1 in random order (Fisher–Yates), the same for the same state of `random` on every
 * platform.
 */
export function permutation(length: number, random: Random): number[] {
  const order = Array.from({ length }, (_, i) => i);
  for (let last = length - 1; last > 0; last--) {
    const other = random.integer(last + 1);
    [order[last], order[other]] = [order[other] as number, order[last] as number];
  }
  return order;
}
