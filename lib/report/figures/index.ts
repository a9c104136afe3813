export { type Changes, readChanges } from "../../records/index.js";
export { figureNumbers, findFigures } from "./catalogue.js";
export { concentration } from "./changes.js";
export type { Configuration } from "./configurations.js";
export type { Figure, FoundFigures, MissingFigure } from "./figure.js";
export {
  aboveScalingLine,
  type FrontierAnalysis,
  type FrontierKind,
  type FrontierPoint,
  type FrontierRow,
  frontierFigure,
  frontierRows,
  frontierSchema,
} from "./frontier.js";
export { predictedShare } from "./predicted-ranks.js";
export {
  type CellRanks,
  type RankStatistic,
  type RankStatistics,
  rankStatistics,
} from "./rank-statistics.js";
export type { RemovalAnalysis } from "./removal.js";
export { type RenderedFigure, renderFigure } from "./render.js";
export { type MeanAndStd, meanAndStd } from "./statistics.js";
export { describeMissing, writeFigure, writeFigures } from "./write.js";
