export { type EvaluateOptions, evaluate, type TestSet } from "./evaluate.js";
export { type EvaluateZeroShotOptions, evaluateZeroShot } from "./evaluate-zero-shot.js";
export { FrozenFeatures } from "./frozen-features.js";
export { type Candidates, candidates, duplicateNames } from "./label-spaces.js";
export { type AccuracyUnit, parseAccuracyMatrix, readMatrixFile } from "./matrix-file.js";
export type { PeakMemory, Phase } from "./memory.js";
export {
  type AccuracyMatrix,
  computeMetrics,
  type HoldOutMatrix,
  holdOutAccuracy,
  isComplete,
  type Metric,
  type MetricName,
  type Metrics,
} from "./metrics.js";
export { type RunObserver, type RunOptions, run } from "./run.js";
export {
  type ChangeRecord,
  type HoldOutRecord,
  type ReferenceRecord,
  RunDirectory,
  type RunRecord,
  type SampleRecord,
} from "./run-directory.js";
export { isStatistics, readStatistics, writeStatistics } from "./statistics-file.js";
