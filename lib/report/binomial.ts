/** The counts that chance makes likely, and how often it still gives others. */
export interface BinomialBand {
  low: number;
  high: number;
  /** Probability of a count below `low` or above `high`. */
  outside: number;
}

/**
 * The central band of a binomial count of `n` trials that succeed with probability `p`. Counts below and
 * above it each have at most half of the probability that `coverage` leaves. With the share of ranks that
 * survive anywhere as `p`, matrices inside the band do not differ from one another by more than chance.
 */
export function binomialBand(n: number, p: number, coverage = 0.95): BinomialBand {
  const tail = (1 - coverage) / 2;
  const mass = binomialMass(n, p);
  let [low, high, below, above] = [0, n, 0, 0];
  while (low < n && below + (mass[low] as number) <= tail) below += mass[low++] as number;
  while (high > low && above + (mass[high] as number) <= tail) above += mass[high--] as number;
  return { low, high, outside: below + above };
}

/** Probability of each count `0..n`. In logarithms, so that large `n` do not underflow. */
function binomialMass(n: number, p: number): number[] {
  if (p <= 0 || p >= 1) return Array.from({ length: n + 1 }, (_, k) => (k === (p <= 0 ? 0 : n) ? 1 : 0));
  let logMass = n * Math.log1p(-p);
  const logOdds = Math.log(p) - Math.log1p(-p);
  return Array.from({ length: n + 1 }, (_, k) => {
    if (k > 0) logMass += Math.log((n - k + 1) / k) + logOdds;
    return Math.exp(logMass);
  });
}
