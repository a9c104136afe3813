import type { Tensor } from "../../torch/index.js";
import type { EmbeddingRows } from "../journal.js";
import type { EmbeddedItem, EmbeddingsInfo } from "../types.js";

/** A file of vectors, of which all but the vectors was read. */
export interface OpenedEmbeddings {
  readonly info: EmbeddingsInfo;
  readonly items: readonly EmbeddedItem[];
  /**
   * float32 `[items, width]`. The vectors of `.npy` and safetensors are views of the memory-mapped file.
   * @throws if the file is damaged
   */
  readVectors(): Promise<Tensor>;
}

/** How vectors are kept in files. */
export interface EmbeddingFormat {
  /** Ending of the file, with the dot. */
  readonly extension: string;
  /** Files that lie beside one of this format, and belong to it. */
  besides(path: string): readonly string[];
  /**
   * Writes a file, and what belongs beside it.
   * @param count rows that will come
   */
  write(path: string, info: EmbeddingsInfo, count: number, rows: AsyncIterable<EmbeddingRows>): Promise<void>;
  /** @throws if the file is missing, damaged, or was not written by codyra */
  open(path: string): Promise<OpenedEmbeddings>;
}
