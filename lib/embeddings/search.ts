import { existsSync } from "node:fs";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import { ApproximateIndex, type BuildOptions, indexFileOf } from "./approximate-index.js";
import type { OpenedEmbeddings } from "./formats/format.js";
import { type Neighbours, nearest } from "./nearest.js";

/**
 * `exact` compares every vector. `approximate` uses an index beside the file, which is made when it is
 * missing or stale. `auto` is exact up to a million vectors, unless there is an index.
 */
export type SearchMode = "auto" | "exact" | "approximate";

/** Vectors up to this many are compared one by one in less time than it takes to load a model. */
const mostExact = 1_000_000;

export interface SearchOptions extends BuildOptions {
  /** Default: `auto`. */
  readonly mode?: SearchMode;
  /** Told when something else is done than was asked for, such as an exact search for want of usearch. */
  readonly onNote?: (note: string) => void;
}

/** A file of vectors that can be searched, until it is disposed of. */
export interface IndexSearch extends Disposable {
  readonly isExact: boolean;
  /** @param queries unit vectors `[m, D]`   @param k at most as many as there are vectors are found */
  find(queries: Tensor, k: number): Neighbours;
}

/**
 * Makes a file of vectors ready to be searched. An approximate search reads no vectors.
 * @param path the file of vectors   @param opened the result of `openEmbeddings` for it
 * @throws the signal's reason when it is aborted
 */
export async function openIndexSearch(
  path: string,
  opened: OpenedEmbeddings,
  { mode = "auto", onNote = () => {}, ...options }: SearchOptions = {},
): Promise<IndexSearch> {
  const isWanted =
    mode === "approximate" ||
    (mode === "auto" && (opened.items.length > mostExact || existsSync(indexFileOf(path))));
  if (isWanted && (await ApproximateIndex.isAvailable())) return await approximate(path, opened, options);
  if (isWanted) {
    onNote(
      "The search is exact: usearch, which makes approximate indices, is not installed. `npm install usearch`",
    );
  }
  const vectors = await opened.readVectors();
  return {
    isExact: true,
    find: (queries, k) => nearest(vectors, queries, k),
    [Symbol.dispose]: () => vectors.dispose(),
  };
}

async function approximate(
  path: string,
  opened: OpenedEmbeddings,
  options: BuildOptions,
): Promise<IndexSearch> {
  if (!ApproximateIndex.isCurrent(path, opened)) await ApproximateIndex.build(path, opened, options);
  const index = await ApproximateIndex.open(path, opened);
  return {
    isExact: false,
    find: (queries, k) => torch.scope(() => index.search(queries, k)),
    [Symbol.dispose]: () => {},
  };
}
