export { type CropOptions, centerCrop, randomBox, randomResizedCrop } from "./augment.js";
export {
  type Batch,
  BatchSampler,
  type EvaluationBatchOptions,
  evaluationBatches,
  TrainingBatches,
  type TrainingBatchOptions,
} from "./batches.js";
export { type CachedImages, type Cleared, ImageCache } from "./cache/image-cache.js";
export { checkDataset, checkSource, type DatasetCheck } from "./check.js";
export { type CheckImagesOptions, checkImages, type FailedImages, type ImageCheck } from "./check-images.js";
export {
  type ClassifyFilesOptions,
  classifyFiles,
  type FileClassification,
  type Prediction,
} from "./classify.js";
export type { CollectionOptions, Parts } from "./collection.js";
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
  streams,
} from "./datasets/index.js";
export { type DeadLeavesOptions, deadLeaves } from "./dead-leaves.js";
export { describeSplit } from "./describe-split.js";
export { sampleFewShot } from "./few-shot.js";
export { FileExample } from "./file-example.js";
export { type FoundImages, findImages } from "./find-images.js";
export { type FolderOptions, openFolder } from "./folders.js";
export { withHome } from "./home.js";
export { ImageSet, type ImageSetParts } from "./image-set.js";
export { type LoadOptions, loadImages, trainingTransform } from "./load-images.js";
export { type LoadBatchesOptions, type LoadedBatch, loadBatches } from "./loader.js";
export { type ManifestOptions, openManifest } from "./manifest.js";
export * as miniature from "./miniature/index.js";
export { mixtures } from "./mixtures.js";
export { promptKey } from "./names.js";
export { openParquet, type ParquetOptions } from "./parquet.js";
export { permutation } from "./permutation.js";
export { Random } from "./random.js";
export { type Box, resampleBoxes, resamplingTolerance } from "./resample.js";
export type { Patterns } from "./shards.js";
export { openSource, resolveSource, type Source, sourceSchema } from "./source.js";
export {
  type ArraySource,
  type ImageArrays,
  imageSetFromArrays,
  type LoadTaskOptions,
  loadTask,
  taskFromArrays,
} from "./task.js";
export type { Dataset, Example, FewShotSample, RandomSplit, Task } from "./types.js";
export type { UnreadableImage } from "./unreadable.js";
export { openWebDataset, type WebDatasetOptions } from "./webdataset.js";
