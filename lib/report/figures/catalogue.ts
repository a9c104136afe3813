import type { Run } from "../run.js";
import { locationAblation, thresholdAblation } from "./ablation.js";
import { amplificationMaps } from "./amplification.js";
import type { FigureKind, FoundFigures } from "./figure.js";
import { locationAndRank } from "./location-and-rank.js";
import { rankMaps } from "./rank-map.js";
import { removal } from "./removal.js";

/**
 * Figures 2, 3 and 5 to 17 of arXiv:2412.01004; 1 and 4 are diagrams. A new kind is one file and one line
 * here.
 */
const kinds: readonly FigureKind[] = [
  locationAndRank,
  removal,
  rankMaps,
  locationAblation,
  thresholdAblation,
  amplificationMaps,
];

/** Numbers of all figures that can be drawn. */
export const figureNumbers: readonly number[] = kinds
  .flatMap(({ numbers }) => numbers)
  .toSorted((a, b) => a - b);

/**
 * The figures that runs give, and what is missing for the others.
 * @param wanted numbers of the paper's figures; default: all, and those of other datasets
 */
export async function findFigures(runs: readonly Run[], wanted?: readonly number[]): Promise<FoundFigures> {
  const chosen = wanted
    ? kinds.filter(({ numbers }) => numbers.some((number) => wanted.includes(number)))
    : kinds;
  const found = await Promise.all(chosen.map((kind) => kind.find(runs)));
  const isWanted = (numbers: readonly (number | undefined)[]) =>
    wanted === undefined || numbers.some((number) => number !== undefined && wanted.includes(number));
  return {
    figures: found.flatMap(({ figures }) => figures).filter(({ number }) => isWanted([number])),
    missing: found.flatMap(({ missing }) => missing).filter(({ numbers }) => isWanted(numbers)),
  };
}
