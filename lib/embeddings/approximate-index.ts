import { closeSync, existsSync, openSync, readFileSync, readSync, rmSync, statSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { crc32 } from "node:zlib";
import type { Index, IndexConfig } from "usearch";
import { explainingFullDisk, renameDurably, syncFile, writeFileAtomically } from "../files/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import type { OpenedEmbeddings } from "./formats/format.js";
import type { Neighbours } from "./nearest.js";

// A graph in which each vector knows some near ones: hierarchical navigable small worlds, arXiv:1603.09320,
// by usearch.

/** Raised when indices of before cannot be read any more, or are worse. */
const version = 2;
const rowsPerPart = 2048;

/** The origin of an index. One that differs is stale. */
interface IndexKey {
  readonly version: number;
  /** The fingerprint of the model that made the vectors. */
  readonly fingerprint: string;
  readonly rows: number;
  readonly width: number;
  /** Size and last change of the file of vectors. */
  readonly bytes: number;
  readonly modifiedMs: number;
}

export interface BuildOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** The index beside a file of vectors. */
export const indexFileOf = (path: string): string => `${path}.usearch`;
const keyFileOf = (path: string): string => `${path}.usearch.json`;

/** An approximate index over the vectors of a file, which lies beside it and is mapped into memory. */
export class ApproximateIndex {
  readonly #index: Index; // private to the declarations too: usearch is optional

  private constructor(index: Index) {
    this.#index = index;
  }

  /** Whether usearch is installed. npm leaves it out if there is neither a build of it nor a compiler. */
  static async isAvailable(): Promise<boolean> {
    return (await loadLibrary()) !== undefined;
  }

  /** Whether the index beside a file is of what the file holds now. */
  static isCurrent(path: string, opened: OpenedEmbeddings): boolean {
    if (!existsSync(indexFileOf(path)) || !existsSync(keyFileOf(path))) return false;
    return readFileSync(keyFileOf(path), "utf8") === writtenKey(path, keyOf(path, opened));
  }

  /** @param path the file of vectors, whose index is current */
  static async open(path: string, { info }: OpenedEmbeddings): Promise<ApproximateIndex> {
    const index = await createIndex(info.width);
    index.view(indexFileOf(path));
    return new ApproximateIndex(index);
  }

  /**
   * Makes the index of a file and leaves it beside. Takes about a minute of processor time for 100,000
   * vectors of 512 numbers.
   * @throws the signal's reason when it is aborted; then nothing is left behind
   */
  static async build(
    path: string,
    opened: OpenedEmbeddings,
    { signal, onProgress }: BuildOptions = {},
  ): Promise<void> {
    const key = keyOf(path, opened);
    const index = await createIndex(key.width);
    using vectors = await opened.readVectors();
    for (let start = 0; start < key.rows; start += rowsPerPart) {
      signal?.throwIfAborted();
      const count = Math.min(rowsPerPart, key.rows - start);
      const part = torch.scope(() => vectors.narrow(0, start, count).toTypedArray() as Float32Array);
      index.add(
        BigUint64Array.from({ length: count }, (_, i) => BigInt(start + i)),
        part,
        torch.numThreads(),
      );
      onProgress?.(start + count, key.rows);
      await setImmediate(); // lets signals in
    }
    const temporary = `${indexFileOf(path)}.tmp`;
    rmSync(keyFileOf(path), { force: true });
    explainingFullDisk(indexFileOf(path), () => index.save(temporary));
    syncFile(temporary);
    renameDurably(temporary, indexFileOf(path));
    writeFileAtomically(keyFileOf(path), writtenKey(path, key)); // an index counts when its key is there
  }

  /**
   * Rows whose vectors are near those that search, most of the nearest among them. Scores are rounded as
   * float16 is.
   * @param queries unit vectors `[m, D]`
   */
  search(queries: Tensor, k: number): Neighbours {
    const [m, width] = [queries.size(0), queries.size(1)];
    const found = Math.min(k, Number(this.#index.size()));
    const rows = new Int32Array(m * found);
    const scores = new Float32Array(m * found);
    const asked = queries.toTypedArray() as Float32Array;
    for (let query = 0; query < m; query++) {
      const vector = asked.subarray(query * width, (query + 1) * width);
      const { keys, distances } = this.#index.search(vector, found, 1);
      for (const [i, key] of keys.entries()) {
        rows[query * found + i] = Number(key);
        scores[query * found + i] = 1 - (distances[i] as number);
      }
    }
    return { rows, scores, k: found };
  }
}

function keyOf(path: string, { info, items }: OpenedEmbeddings): IndexKey {
  const { size, mtimeMs } = statSync(path);
  const { fingerprint, width } = info;
  return { version, fingerprint, rows: items.length, width, bytes: size, modifiedMs: mtimeMs };
}

/** Tells an index that was damaged, too: usearch does not check, and may end the process. */
function writtenKey(path: string, key: IndexKey): string {
  return JSON.stringify({ ...key, indexCrc32: checksumOf(indexFileOf(path)) });
}

/** CRC-32 of a file, in a third of a second for a gigabyte that the system has in memory. */
function checksumOf(path: string): number {
  const block = new Uint8Array(1 << 22);
  const file = openSync(path, "r");
  try {
    let crc = 0;
    for (let read = readSync(file, block); read > 0; read = readSync(file, block))
      crc = crc32(block.subarray(0, read), crc);
    return crc;
  } finally {
    closeSync(file);
  }
}

async function loadLibrary() {
  return await import("usearch").catch(() => undefined);
}

/** float16 halves the file; of unit vectors, scores change by about 1e-4. */
async function createIndex(dimensions: number): Promise<Index> {
  const library = await loadLibrary();
  if (library === undefined)
    throw new Error("usearch is missing: expected it beside codyra. Install it with npm.");
  const config = { dimensions, metric: "ip", quantization: "f16", multi: false };
  const graph = { connectivity: 16, expansion_add: 128, expansion_search: 256 };
  return new library.Index({ ...config, ...graph } as IndexConfig);
}
