export { type Changes, readChanges, recordChanges } from "./changes.js";
export {
  type EvaluationRecord,
  type Measured,
  readEvaluation,
  removeEvaluations,
  writeEvaluation,
} from "./evaluation.js";
export {
  appendEvent,
  dropEventsFrom,
  dropEventsOfGrowth,
  type KnownEvent,
  type RunEvent,
  readEvents,
} from "./events.js";
export {
  brokenLimits,
  type GuardRecord,
  isRatio,
  type Measure,
  readGuardRecord,
  writeGuardRecord,
} from "./guard.js";
export {
  type AccuracyUnit,
  matrixPath,
  parseAccuracyMatrix,
  readMatrix,
  readMatrixFile,
  writeMatrix,
} from "./matrix.js";
export {
  type Accuracy,
  type AccuracyMatrix,
  computeMetrics,
  type HoldOutMatrix,
  holdOutAccuracy,
  isComplete,
  known,
  type Metric,
  type MetricName,
  type Metrics,
  mean,
} from "./metrics.js";
export { parseJson, parseWith, readJson } from "./parse.js";
export { type RankHistory, readRanks, recordRanks, type TaskRanks } from "./ranks.js";
export {
  type EmptyCells,
  type HoldOutRecord,
  type InheritedRecord,
  isRun,
  type PeakMemory,
  type Phase,
  type ReferenceRecord,
  type RunRecord,
  readRunRecord,
  writeRunRecord,
} from "./run.js";
export { type ImageContents, readSamples, type SampleRecord, type Samples, writeSamples } from "./samples.js";
export { formatVersion } from "./version.js";
