import { binomialBand } from "./binomial.js";
import type { RankHistory, Run } from "./run.js";

/** How often a matrix kept its ranks, over all tasks and seeds of one method. */
export interface MatrixRanks {
  module: RankHistory["modules"][number];
  /** Mean number of active ranks per task. */
  active: number;
  /** Whether it kept more or fewer ranks than chance explains if all matrices were alike. */
  outside: "above" | "below" | undefined;
}

export interface RankChanges {
  rank: number;
  /** Share of all ranks that are active. */
  share: number;
  matrices: MatrixRanks[];
  /** How many matrices chance alone puts outside the band. */
  expectedOutside: number;
}

/**
 * Which adapted matrices changed most, over the tasks and seeds of one group of runs. The noise band is that
 * of a binomial count with the overall share of active ranks.
 * @returns `undefined` where there are no adapters, or the runs adapt different matrices
 */
export function rankChanges(runs: Run[]): RankChanges | undefined {
  const histories = runs.flatMap(({ ranks }) => (ranks && ranks.tasks.length > 0 ? [ranks] : []));
  const [first] = histories;
  if (first === undefined) return undefined;
  const { rank, modules } = first;
  const shape = (history: RankHistory) =>
    `${history.rank}: ${history.modules.map(({ name }) => name).join()}`;
  if (histories.some((history) => shape(history) !== shape(first))) return undefined;

  const tasks = histories.flatMap((history) => history.tasks);
  const trials = rank * tasks.length;
  const counts = modules.map((_, i) => tasks.reduce((sum, { active }) => sum + (active[i] as number), 0));
  const share = counts.reduce((sum, count) => sum + count, 0) / (trials * modules.length);
  const { low, high, outside } = binomialBand(trials, share);
  return {
    rank,
    share,
    matrices: modules.map((module, i) => {
      const count = counts[i] as number;
      return {
        module,
        active: count / tasks.length,
        outside: count > high ? "above" : count < low ? "below" : undefined,
      };
    }),
    expectedOutside: outside * modules.length,
  };
}
