export {
  type Accuracy,
  type AccuracyMatrix,
  type AccuracyUnit,
  computeMetrics,
  type HoldOutMatrix,
  type HoldOutRecord,
  holdOutAccuracy,
  isComplete,
  type Metric,
  type MetricName,
  type Metrics,
  type PeakMemory,
  type Phase,
  parseAccuracyMatrix,
  type ReferenceRecord,
  type RunRecord,
  readMatrixFile,
  type SampleRecord,
} from "../records/index.js";
export { checkParallel } from "./check-parallel.js";
export type { Checkpoint } from "./checkpoint-file.js";
export { type CloseCallCounts, CloseCalls } from "./close-calls.js";
export { ConfirmedClassifier, type ConfirmedClassifierOptions } from "./confirmed-classifier.js";
export { type EvaluateOptions, evaluate, type TestSet } from "./evaluate.js";
export { type EvaluateZeroShotOptions, evaluateZeroShot } from "./evaluate-zero-shot.js";
export { type FeatureStore, FrozenFeatures } from "./frozen-features.js";
export { findHead, type HeadDescription, type HeadFile, readHead, writeHead } from "./head-file.js";
export type { Identity } from "./identity.js";
export {
  type Candidates,
  candidates,
  duplicateNames,
  duplicateWarnings,
  singleClassWarnings,
} from "./label-spaces.js";
export { run } from "./run.js";
export { RunDirectory } from "./run-directory.js";
export type { RunObserver, RunOptions, TaskGuard } from "./run-options.js";
export { learnedHoldOutWarnings, type NamedImages } from "./seen-images.js";
export { openHead, type ServedClassifier, ServedHead } from "./served-head.js";
export { openRunDirectory } from "./shared-directory.js";
export type { SavedStage, StageFiles, StageStore } from "./stage-files.js";
export { describeStatistics, readStatistics, statisticsOf, writeStatistics } from "./statistics-file.js";
