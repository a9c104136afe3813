export { type CropOptions, randomBox, randomResizedCrop } from "./augment.js";
export {
  type Batch,
  BatchSampler,
  type EvaluationBatchOptions,
  evaluationBatches,
  TrainingBatches,
  type TrainingBatchOptions,
} from "./batches.js";
export { sampleFewShot } from "./few-shot.js";
export { FileExample } from "./file-example.js";
export { type FolderOptions, openFolder } from "./folders.js";
export { ImageSet, type ImageSetParts } from "./image-set.js";
export { type LoadOptions, loadImages, trainingTransform } from "./load-images.js";
export * as miniature from "./miniature/index.js";
export { Random } from "./random.js";
export { type Box, resampleBoxes } from "./resample.js";
export {
  type ArraySource,
  type ImageArrays,
  type LoadTaskOptions,
  loadTask,
  taskFromArrays,
} from "./task.js";
export type { Dataset, Example, FewShotSample, RandomSplit, Task } from "./types.js";
