import { availableParallelism } from "node:os";
import pLimit from "p-limit";
import type { ImageTransform } from "../../clip/index.js";
import { checkOptions } from "../../options/index.js";
import * as torch from "../../torch/index.js";
import type { Example } from "../types.js";
import { contentDigest } from "./image-set.js";
import { partsOf } from "./parts-of.js";
import { reasonOf, type UnreadableImage, unreadableImages } from "./unreadable.js";

export interface LoadBatchesOptions {
  /** Images per batch; the last may be short. */
  readonly batchSize: number;
  /** Batches that are decoded ahead of the one in use; bounds the memory. Default: 2. */
  readonly prefetch?: number;
  /** Stops the work; the iterator throws the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * Called with each image that cannot be read, which its batch then goes without. Default: the batch throws.
   */
  readonly onUnreadable?: (image: UnreadableImage) => void;
}

/** Transformed images on the CPU. They are released when the next batch is asked for. */
export interface LoadedBatch {
  /** Which of the examples these are, in order. */
  readonly indices: readonly number[];
  /** These examples. */
  readonly examples: readonly Example[];
  /** uint8 `[B, 3, S, S]`. */
  readonly images: torch.Tensor;
  /** Size of the images before they were transformed, in pixels. */
  readonly sizes: readonly { readonly width: number; readonly height: number }[];
  /** SHA-256 of what each was decoded from. */
  readonly digests: readonly Uint8Array[];
}

/**
 * Reads and transforms images in the background and gives them out in order, a batch at a time. Leaving the
 * loop early ends the work.
 * @param examples may be a stream: no more of it is taken than the batches that are decoded ahead hold
 * @throws at the batch they belong to, if images cannot be read and there is no `onUnreadable`
 */
export async function* loadBatches(
  examples: Iterable<Example> | AsyncIterable<Example>,
  transform: ImageTransform,
  options: LoadBatchesOptions,
): AsyncGenerator<LoadedBatch, void, undefined> {
  checkOptions(options, { batchSize: true, prefetch: true, signal: true, onUnreadable: true }, "loadBatches");
  const { batchSize, prefetch = 2, signal, onUnreadable } = options;
  checkCount("batchSize", batchSize, 1);
  checkCount("prefetch", prefetch, 0);
  const left = new AbortController();
  const stop = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]);
  const limited = pLimit(2 * availableParallelism()); // on every core, one is read while another is decoded
  const parts = partsOf(examples, batchSize);
  const ahead: { batch: BatchInProgress; done: Promise<void> }[] = [];
  let isAtEnd = false;
  let start = 0;
  try {
    while (true) {
      while (!isAtEnd && ahead.length <= prefetch) {
        const part = await parts.next();
        isAtEnd = part.done === true;
        if (part.done) break;
        const batch = new BatchInProgress(start, part.value, transform);
        start += part.value.length;
        const load = async (row: number) => {
          stop.throwIfAborted();
          await batch.load(row);
        };
        ahead.push({ batch, done: batch.loadAll((row) => limited(() => load(row))) });
      }
      const next = ahead.shift();
      if (next === undefined) break;
      const { batch, done } = next;
      try {
        await done;
        signal?.throwIfAborted();
        const { failures, examples } = batch;
        if (failures.length > 0 && !onUnreadable) throw unreadableImages(failures, examples.length);
        for (const failure of failures) onUnreadable?.(failure);
        if (failures.length < examples.length) yield batch.finish();
      } finally {
        batch.dispose();
      }
    }
  } finally {
    left.abort();
    await parts.return(undefined);
    for (const { batch, done } of ahead) {
      await done;
      batch.dispose();
    }
  }
}

/** A batch whose images arrive in any order. */
class BatchInProgress {
  readonly failures: UnreadableImage[] = [];
  readonly #loaded: { row: number; width: number; height: number; digest: Uint8Array }[] = [];
  #images: torch.Tensor;

  constructor(
    readonly start: number,
    readonly examples: readonly Example[],
    readonly transform: ImageTransform,
  ) {
    const { size } = transform;
    this.#images = torch.unscoped(() => torch.empty([examples.length, 3, size, size], { dtype: "uint8" }));
  }

  /** Never rejects: what failed is told when the batch's turn comes. */
  async loadAll(load: (row: number) => Promise<void>): Promise<void> {
    const rows = this.examples.map(async (example, row) => {
      try {
        await load(row);
      } catch (error) {
        this.failures.push({ index: this.start + row, example, reason: reasonOf(error as Error) });
      }
    });
    await Promise.all(rows);
    this.failures.sort((a, b) => a.index - b.index);
    this.#loaded.sort((a, b) => a.row - b.row);
  }

  async load(row: number): Promise<void> {
    const content = await (this.examples[row] as Example).read();
    const { pixels, width, height } = await this.transform.apply(content);
    const { size } = this.transform;
    torch.scope(() => {
      const image = torch.fromTypedArray(pixels, [size, size, 3]).permute([2, 0, 1]);
      this.#images.select(0, row).copy_(image);
    });
    this.#loaded.push({ row, width, height, digest: contentDigest(content) });
  }

  finish(): LoadedBatch {
    const rows = this.#loaded.map(({ row }) => row);
    if (rows.length < this.examples.length) {
      using all = this.#images;
      using index = torch.tensor(rows, { dtype: "int64" });
      this.#images = torch.unscoped(() => all.indexSelect(0, index));
    }
    return {
      indices: rows.map((row) => this.start + row),
      examples: rows.map((row) => this.examples[row] as Example),
      images: this.#images,
      sizes: this.#loaded,
      digests: this.#loaded.map(({ digest }) => digest),
    };
  }

  dispose(): void {
    this.#images.dispose();
  }
}

function checkCount(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new RangeError(
      `loadBatches: expected ${name} to be an integer of ${least} or more, got ${value}. Leave prefetch out, or use 64 for batchSize.`,
    );
  }
}
