export { amplification, type UpdateSize } from "./amplification.js";
export { type Drift, type ModelDrift, modelDrift } from "./drift.js";
export {
  evenScales,
  keepHighest,
  ofEachRank,
  type RankScales,
  scaleRanks,
  updateNorm,
  wienerScales,
} from "./rank-choice.js";
export { type RankGramOptions, rankGrams } from "./rank-gram.js";
export { type ModuleUpdate, measureAdapters, measureUpdates, updateSize } from "./update-size.js";
