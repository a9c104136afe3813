import type { Tensor } from "../../torch/index.js";
import type { EmbeddingRows } from "../journal.js";
import type { EmbeddedItem, EmbeddingsInfo } from "../types.js";

/**
 * Vectors that were read from a file. The vectors of `.npy` and safetensors are views of the memory-mapped
 * file.
 */
export interface Embeddings {
  readonly info: EmbeddingsInfo;
  readonly items: readonly EmbeddedItem[];
  /** float32 `[items, width]` */
  readonly vectors: Tensor;
}

/** How vectors are kept in files. */
export interface EmbeddingFormat {
  /** Of the file, with the dot. */
  readonly extension: string;
  /**
   * Writes a file, and what belongs beside it.
   * @param count rows that will come
   */
  write(path: string, info: EmbeddingsInfo, count: number, rows: AsyncIterable<EmbeddingRows>): Promise<void>;
  /** @throws if the file is missing, damaged, or was not written by codyra */
  read(path: string): Promise<Embeddings>;
}
