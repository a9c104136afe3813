export { figureNumbers, findFigures } from "./catalogue.js";
export { type Changes, concentration, readChanges } from "./changes.js";
export type { Figure, FoundFigures, MissingFigure } from "./figure.js";
export { predictedShare } from "./predicted-ranks.js";
export { type RankStatistic, type RankStatistics, rankStatistics } from "./rank-statistics.js";
export { type RemovalAnalysis, removalFile } from "./removal.js";
export { csvOf, renderFigure } from "./render.js";
export { describeMissing, writeFigures } from "./write.js";
