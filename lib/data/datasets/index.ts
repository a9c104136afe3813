export { type DatasetId, datasetDescriptors, datasetIds, streamNames, streams } from "./catalogue.js";
export type {
  CoopSplit,
  DatasetDescriptor,
  ExpectedCounts,
  Layout,
  PromptChange,
  PromptSet,
  SplitSource,
} from "./descriptor.js";
export { type OpenDatasetOptions, type OpenedDataset, openDataset } from "./open.js";
