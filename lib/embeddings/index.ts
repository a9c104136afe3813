export { modelFingerprint } from "../clip/index.js";
export { leastSquaresMap, orthogonalMap } from "./alignment.js";
export type { BuildOptions } from "./approximate-index.js";
export { adviseOnIndex, type IndexDrift, indexDrift, type VectorPair } from "./drift.js";
export {
  type EmbeddedBatch,
  type EmbedOptions,
  embedFiles,
  embedTexts,
  type ImageInput,
} from "./embed-files.js";
export { type Embeddings, openEmbeddings, readEmbeddings } from "./files.js";
export type { OpenedEmbeddings } from "./formats/format.js";
export { type Neighbours, nearest } from "./nearest.js";
export { type RetrievalRecall, retrievalRecall } from "./recall.js";
export { type IndexSearch, openIndexSearch, type SearchMode, type SearchOptions } from "./search.js";
export type { EmbeddedItem, EmbeddingsInfo } from "./types.js";
export {
  type Items,
  imageItem,
  type WriteEmbeddingsOptions,
  type WrittenEmbeddings,
  writeEmbeddings,
} from "./write.js";
