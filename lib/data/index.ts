export { type CropOptions, centerCrop, randomBox, randomResizedCrop } from "./batches/augment.js";
export {
  type Batch,
  BatchSampler,
  type EvaluationBatchOptions,
  evaluationBatches,
  TrainingBatches,
  type TrainingBatchOptions,
} from "./batches/batches.js";
export { type DeadLeavesOptions, deadLeaves } from "./batches/dead-leaves.js";
export { mixtures } from "./batches/mixtures.js";
export { type Box, resampleBoxes, resamplingTolerance } from "./batches/resample.js";
export { type CachedImages, type Cleared, ImageCache } from "./cache/image-cache.js";
export {
  type Archive,
  type ArchiveChoice,
  coopGuide,
  type DatasetArchives,
  datasetArchives,
} from "./datasets/archives.js";
export {
  type CoopSplit,
  type DatasetDescriptor,
  type DatasetId,
  datasetDescriptors,
  datasetIds,
  type ExpectedCounts,
  type Layout,
  type OpenDatasetOptions,
  type OpenedDataset,
  openDataset,
  type PromptChange,
  type PromptSet,
  type SplitSource,
  streamNames,
  streams,
} from "./datasets/index.js";
export { checkDataset, checkSource, type DatasetCheck } from "./loading/check.js";
export {
  type CheckImagesOptions,
  checkImages,
  type FailedImages,
  type ImageCheck,
} from "./loading/check-images.js";
export {
  type ClassifyFilesOptions,
  classifyFiles,
  type FileClassification,
  type Prediction,
} from "./loading/classify.js";
export { sampleFewShot } from "./loading/few-shot.js";
export { ImageSet, type ImageSetParts } from "./loading/image-set.js";
export { knownLength } from "./loading/known-length.js";
export { type LoadOptions, loadImages, trainingTransform } from "./loading/load-images.js";
export { type LoadBatchesOptions, type LoadedBatch, loadBatches } from "./loading/loader.js";
export type { Machine } from "./loading/machine.js";
export { partsOf } from "./loading/parts-of.js";
export {
  type ArraySource,
  type ImageArrays,
  imageSetFromArrays,
  type LoadTaskOptions,
  loadTask,
  taskFromArrays,
} from "./loading/task.js";
export type { UnreadableImage } from "./loading/unreadable.js";
export * as miniature from "./miniature/index.js";
export { permutation } from "./permutation.js";
export { Random } from "./random.js";
export { type CaptionedExample, readCaptionedShards } from "./sources/captions.js";
export type { CollectionOptions, Parts } from "./sources/collection.js";
export { describeSplit } from "./sources/describe-split.js";
export { FileExample } from "./sources/file-example.js";
export {
  type FoundImages,
  findImages,
  type SurveyedImages,
  surveyImages,
} from "./sources/find-images.js";
export { type FolderOptions, openFolder } from "./sources/folders.js";
export { withHome } from "./sources/home.js";
export { type ListedImage, listImages } from "./sources/list-images.js";
export { type ManifestOptions, openManifest } from "./sources/manifest.js";
export { promptKey } from "./sources/names.js";
export { openParquet, type ParquetOptions } from "./sources/parquet.js";
export { type FileRecord, readRecords } from "./sources/records.js";
export type { Patterns } from "./sources/shards.js";
export { openSource, resolveSource, type Source, sourceSchema } from "./sources/source.js";
export { openWebDataset, type WebDatasetOptions } from "./sources/webdataset.js";
export type { Dataset, Example, FewShotSample, RandomSplit, Task } from "./types.js";
