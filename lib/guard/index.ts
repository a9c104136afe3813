export { type CompareOptions, type Comparison, type ComparisonData, compareModels } from "./compare.js";
export { type Limits, limitsSchema } from "./limits.js";
export { isRatio, type Measure } from "./measure.js";
export { type CaptionedImages, readPairs } from "./pairs.js";
