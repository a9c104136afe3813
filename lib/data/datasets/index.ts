export { type DatasetId, datasetDescriptors, datasetIds, streams } from "./catalogue.js";
export type { DatasetDescriptor, ExpectedCounts, Layout, PromptSet, SplitSource } from "./descriptor.js";
export { type OpenDatasetOptions, type OpenedDataset, openDataset } from "./open.js";
