export { countCosts } from "./analyses/costs.js";
export { measureDrift, type TaskDrift } from "./analyses/drift.js";
export type { AnalysisWatch, CaseSource, FrontierCase } from "./analyses/frontier-case.js";
export { type CaseOptions, openCases } from "./analyses/frontier-cases.js";
export { measureFrontier, type PointOptions } from "./analyses/frontier-points.js";
export type { LearnedCases } from "./analyses/learned-cases.js";
export type { RecordedCases } from "./analyses/recorded-cases.js";
export { type RecordedChangesOptions, recordedChanges } from "./analyses/recorded-changes.js";
export { measureRemovals, type RemovalOptions } from "./analyses/removal.js";
export type { RunAnalysisOptions } from "./analyses/run-analysis.js";
export type { RunClassifier } from "./analyses/run-classifier.js";
export { cacheDirectory, imageCacheDirectory } from "./cache-directory.js";
export { checkPrompts, equalPromptWarnings, indistinct } from "./check-prompts.js";
export { type Config, configSchema, readConfig } from "./config.js";
export { nameOf, openEntry } from "./dataset-config.js";
export { baseModel, openBaseModel, openFinishedRun, taskPosition } from "./finished-run.js";
export { type GivenGuard, type GuardConfig, guardSchema, readGuard, resolveGuard } from "./guard-config.js";
export { openGuardData } from "./guard-data.js";
export { configOfRun, type GivenDataset, learn } from "./learn.js";
export { type MiniatureOptions, openMiniatureReference, openMiniatureTasks } from "./miniature.js";
export { type MiniatureSettings, readMiniatureSettings } from "./miniature-settings.js";
export {
  downloadedModel,
  locateModel,
  type ModelSettings,
  miniatureModel,
  modelSettings,
  resolveModel,
} from "./models.js";
export {
  type CloseCallCounts,
  describeCloseCalls,
  type ExperimentObserver,
  type WorkObserver,
  workObserver,
} from "./observer.js";
export { openHoldOuts, openTasks } from "./open-data.js";
export { openMethod } from "./open-method.js";
export { openModel } from "./open-model.js";
export { openStart, type RunStart } from "./open-start.js";
export {
  type PreparedDataset,
  type PreparedFile,
  type PrepareOptions,
  prepareDataset,
} from "./prepare-dataset.js";
export { ownMachine } from "./processes.js";
export { checkReference, openReference, type ReferenceConfig } from "./reference.js";
export {
  type ExperimentOptions,
  type ExperimentResult,
  type RunConfigOptions,
  run,
  runDirectory,
  runTasks,
} from "./run.js";
export { RunGuard } from "./run-guard.js";
export { type HeadModels, headAfter, methodWithHead } from "./run-head.js";
export { openTestSets } from "./run-test-sets.js";
