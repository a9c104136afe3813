export { isRatio, type Measure } from "../records/index.js";
export { type CompareOptions, type Comparison, compareMeasures, compareModels } from "./compare.js";
export { type Limits, limitsSchema, type Section, unmeasuredLimits } from "./limits.js";
export {
  type Accuracies,
  type ComparisonData,
  type IndexVectors,
  type MeasureOptions,
  ModelMeasures,
} from "./model-measures.js";
export { type CaptionedImages, readPairs } from "./pairs.js";
