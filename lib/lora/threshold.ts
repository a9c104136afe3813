/** How κ rises over a task. docs/specification.md, section 2.4. */
export interface ThresholdConfig {
  /** Iterations N of a task. */
  iterations: number;
  /** Dense ratio ρ: the first ρN iterations leave the importance weights alone. */
  denseRatio: number;
  /** κ at the end of the task. */
  kappaMax: number;
  /** Steps of the staircase from 0 to κ_max, both included. */
  levels: number;
  /**
   * `even` spreads the levels over the whole sparse phase, so that κ_max is always reached. `fixed-step`
   * moves up every ⌊(N − ρN) / levels⌋ iterations, as the released code does: with fewer iterations than
   * levels κ stays 0. `learning-rate` is the appendix's κ = η λ with λ = κ_max / (highest learning rate).
   */
  schedule: "even" | "fixed-step" | "learning-rate";
  /** First thresholded iteration: the one with index ρN (`at`), or the next (`after`). */
  sparseFrom: "at" | "after";
}

/**
 * κ for every iteration of a task; 0 where nothing is thresholded.
 * @param relativeLearningRate the learning rate of an iteration over the highest one; used by `learning-rate`
 * only
 * @throws if a value is out of range
 */
export function thresholdSchedule(
  config: ThresholdConfig,
  relativeLearningRate: (iteration: number) => number = () => 1,
): (iteration: number) => number {
  const { iterations, denseRatio, kappaMax, levels, schedule, sparseFrom } = config;
  if (!(denseRatio >= 0 && denseRatio <= 1))
    throw new RangeError(`denseRatio must be from 0 to 1, got ${denseRatio}.`);
  if (!(kappaMax >= 0)) throw new RangeError(`kappaMax must be at least 0, got ${kappaMax}.`);
  if (!(Number.isInteger(levels) && levels >= 2))
    throw new RangeError(`levels must be a whole number of at least 2, got ${levels}.`);
  const dense = denseRatio * iterations;
  const first = Math.ceil(dense - 1e-9); // 0.55 · 100 is a little more than 55
  const isSparse = (i: number): boolean => (sparseFrom === "at" ? i >= first : i > dense);
  const level = (step: number): number => (kappaMax * Math.min(step, levels - 1)) / (levels - 1);
  switch (schedule) {
    case "even":
      return (i) => (isSparse(i) ? level(evenStep(i, first, iterations, levels)) : 0);
    case "fixed-step": {
      const stepLength = Math.floor((iterations - dense) / levels);
      return (i) => (isSparse(i) && stepLength > 0 ? level(multiplesIn(dense, i, stepLength)) : 0);
    }
    case "learning-rate":
      return (i) => (isSparse(i) ? kappaMax * relativeLearningRate(i) : 0);
  }
}

/**
 * The staircase step of iteration `i`: the sparse phase in `levels` equal pieces; its last iteration always
 * has the last level.
 */
function evenStep(i: number, first: number, iterations: number, levels: number): number {
  return i === iterations - 1 ? levels - 1 : Math.floor(((i - first) * levels) / (iterations - first));
}

/** How many multiples of `step` lie in [from, to]: the level moves up at each of them. */
function multiplesIn(from: number, to: number, step: number): number {
  return Math.floor(to / step) - Math.ceil(from / step) + 1;
}
