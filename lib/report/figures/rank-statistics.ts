import { binomialBand } from "../binomial.js";
import type { RankHistory } from "../run.js";
import { meanAndStd } from "./statistics.js";

/** Activated ranks of some matrices, and what chance makes of them. */
export interface RankStatistic {
  /** Activated ranks of all these matrices together, mean over the draws. */
  readonly sum: number;
  /** Per matrix. */
  readonly mean: number;
  /** Standard deviation between the matrices. */
  readonly std: number;
  /** Band of the mean that chance stays in, with 95 % probability. */
  readonly low: number;
  readonly high: number;
  readonly outside: "above" | "below" | null;
}

export interface CellRanks extends RankStatistic {
  readonly encoder: "vision" | "text";
  readonly target: string;
  readonly layer: number;
}

export interface RankStatistics {
  readonly rank: number;
  /** Runs or tasks that were averaged over. */
  readonly draws: number;
  /** Probability of a rank to survive, under which the bands hold. */
  readonly share: number;
  readonly all: RankStatistic;
  readonly matrices: readonly CellRanks[];
  /** Over the layers. */
  readonly modules: readonly Omit<CellRanks, "layer">[];
  /** Over the modules. */
  readonly layers: readonly Omit<CellRanks, "target">[];
  /** How many matrices are outside their band where nothing but chance decides. */
  readonly expectedOutside: number;
}

/**
 * Activated ranks per matrix, module and layer, with binomial noise bands: of N = r·draws·matrices ranks,
 * each survives with the same probability.
 * @param draws counts per module, of seeds or tasks
 * @param share the probability; default: the share that survived
 */
export function rankStatistics(
  { rank, modules }: Pick<RankHistory, "rank" | "modules">,
  draws: readonly (readonly number[])[],
  share?: number,
): RankStatistics {
  const cells = modules.map((module, i) => ({
    ...module,
    active: meanAndStd(draws.map((counts) => counts[i] as number)).mean,
  }));
  const kept = meanAndStd(cells.map(({ active }) => active)).mean / rank;
  const probability = share ?? kept;
  const statistic = (group: typeof cells): RankStatistic => {
    const { mean, std } = meanAndStd(group.map(({ active }) => active));
    const trials = draws.length * group.length;
    const band = binomialBand(rank * trials, probability);
    const [low, high] = [band.low / trials, band.high / trials];
    const tolerance = 1e-9; // of the division
    const outside = mean > high + tolerance ? "above" : mean < low - tolerance ? "below" : null;
    return { sum: mean * group.length, mean, std, low, high, outside };
  };
  const grouped = (key: "target" | "layer") => {
    const firsts = new Map(cells.map((cell) => [`${cell.encoder} ${cell[key]}`, cell]));
    return Array.from(firsts.values(), (first) => {
      const group = cells.filter((cell) => cell.encoder === first.encoder && cell[key] === first[key]);
      const { encoder, target, layer } = first;
      return { encoder, target, layer, ...statistic(group) };
    });
  };
  return {
    rank,
    draws: draws.length,
    share: probability,
    all: statistic(cells),
    matrices: cells.map((cell) => ({
      encoder: cell.encoder,
      target: cell.target,
      layer: cell.layer,
      ...statistic([cell]),
    })),
    modules: grouped("target").map(({ layer, ...module }) => module),
    layers: grouped("layer").map(({ target, ...layer }) => layer),
    expectedOutside: cells.length * binomialBand(rank * draws.length, probability).outside,
  };
}
