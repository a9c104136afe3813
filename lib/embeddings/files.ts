import { existsSync } from "node:fs";
import { extname } from "node:path";
import type { Tensor } from "../torch/index.js";
import type { EmbeddingFormat, OpenedEmbeddings } from "./formats/format.js";
import { npy } from "./formats/npy.js";
import { parquet } from "./formats/parquet.js";
import { safetensors } from "./formats/safetensors.js";
import { checkUnit } from "./unit-vectors.js";

const formats: readonly EmbeddingFormat[] = [parquet, npy, safetensors];

/** The format of a file, by its ending. @throws if there is none of that ending */
export function formatOf(path: string): EmbeddingFormat {
  const found = formats.find(({ extension }) => extension === extname(path).toLowerCase());
  if (found) return found;
  const known = formats.map(({ extension }) => extension).join(", ");
  throw new Error(`${path}: expected a file of vectors that ends in ${known}. Name it so.`);
}

/** Vectors with their names. */
export interface Embeddings extends Omit<OpenedEmbeddings, "readVectors"> {
  /** float32 `[items, width]` */
  readonly vectors: Tensor;
}

/** Opens a file that `codyra embed` wrote. @throws if the file is missing, damaged, or of another origin */
export async function openEmbeddings(path: string): Promise<OpenedEmbeddings> {
  const format = formatOf(path);
  if (!existsSync(path)) {
    throw new Error(
      `${path}: expected a file of vectors, got nothing: there is none. Make it with codyra embed.`,
    );
  }
  const { readVectors, ...opened } = await format.open(path);
  return {
    ...opened,
    async readVectors() {
      const vectors = await readVectors();
      checkUnit(vectors, path);
      return vectors;
    },
  };
}

/** Vectors that `codyra embed` wrote. @throws if the file is missing, damaged, or of another origin */
export async function readEmbeddings(path: string): Promise<Embeddings> {
  const { readVectors, ...opened } = await openEmbeddings(path);
  return { ...opened, vectors: await readVectors() };
}
