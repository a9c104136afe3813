export {
  defaultLoraConfig,
  type LoraConfig,
  type LoraEncoders,
  type LoraTarget,
  loraTargets,
} from "./config.js";
export { LoraLayer } from "./layer.js";
export { inject, LoraModel, type LoraModule } from "./model.js";
export { defaultLoraOptimizerOptions, LoraOptimizer, type LoraOptimizerOptions } from "./optimizer.js";
export { type ThresholdConfig, thresholdSchedule } from "./threshold.js";
