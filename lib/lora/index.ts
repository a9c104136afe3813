export {
  amplification,
  type Drift,
  evenScales,
  keepHighest,
  type ModelDrift,
  type ModuleUpdate,
  measureAdapters,
  measureUpdates,
  modelDrift,
  ofEachRank,
  type RankGramOptions,
  type RankScales,
  rankGrams,
  scaleRanks,
  type UpdateSize,
  updateNorm,
  updateSize,
  wienerScales,
} from "./analysis/index.js";
export {
  defaultLoraConfig,
  type LoraConfig,
  type LoraEncoders,
  type LoraTarget,
  loraTargets,
} from "./config.js";
export { FlatLayout, FlatParameters, type Span, viewOf } from "./flat-parameters.js";
export { LoraLayer } from "./layer.js";
export {
  applyUpdates,
  concatenateUpdates,
  copyUpdates,
  type LowRankUpdate,
  type LowRankUpdates,
  survivingRanks,
} from "./low-rank-update.js";
export { inject, LoraModel, type LoraModule, loraModules } from "./model.js";
export { defaultLoraOptimizerOptions, LoraOptimizer, type LoraOptimizerOptions } from "./optimizer.js";
export { adapterFamily, type LoadAdapterOptions, loadAdapter, saveAdapter } from "./peft.js";
export type { SaveAdapterOptions } from "./peft-config.js";
export { RandomPruning } from "./random-pruning.js";
export { type ThresholdConfig, thresholdSchedule } from "./threshold.js";
