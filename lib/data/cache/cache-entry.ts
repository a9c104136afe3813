import { rename, rm, utimes } from "node:fs/promises";
import type { ImageStore, StoredImages } from "../loading/image-store.js";
import type { LoadedBatch } from "../loading/loader.js";
import { EntryFile } from "./entry-file.js";
import type { EntryDescription, EntryShape } from "./entry-header.js";
import { finishedPath, releasePart, takePart } from "./part-files.js";
import { checkFreeSpace } from "./write-errors.js";

export interface CacheEntryOptions {
  readonly directory: string;
  readonly key: string;
  readonly shape: EntryShape;
  readonly description: EntryDescription;
  /** SHA-256 of the content of each image. */
  readonly digests: readonly Uint8Array[];
  readonly signal?: AbortSignal;
}

/** The images of one list in the cache: a finished file, or a part that becomes one. */
export class CacheEntry implements ImageStore {
  #missing: readonly number[] = [];

  private constructor(
    private readonly options: CacheEntryOptions,
    private readonly file: EntryFile,
    private readonly isOwner = true,
  ) {}

  /** Opens the finished file if it is there and whole, else a part with whatever was done before. */
  static async open(options: CacheEntryOptions): Promise<CacheEntry> {
    const { directory, key, shape } = options;
    const path = finishedPath(directory, key);
    const finished = await EntryFile.openFinished(path, shape);
    if (finished !== undefined) {
      const entry = await new CacheEntry(options, finished).check();
      if (entry.missing.length === 0) return entry;
      await finished.close();
    }
    const part = await takePart(directory, key, path);
    return new CacheEntry(options, await EntryFile.openPart(part, shape)).check();
  }

  /** A part for several processes to fill; `undefined` where the finished file is there. */
  static async begin(options: CacheEntryOptions): Promise<CacheEntry | undefined> {
    const { directory, key, shape } = options;
    const finished = await EntryFile.openFinished(finishedPath(directory, key), shape);
    if (finished === undefined) return CacheEntry.open(options);
    await finished.close();
    return undefined;
  }

  /** A part that another process has begun, to write some of its images. */
  static async join(options: CacheEntryOptions, path: string): Promise<CacheEntry> {
    return new CacheEntry(options, await EntryFile.openPart(path, options.shape), false);
  }

  get path(): string {
    return this.file.path;
  }

  get missing(): readonly number[] {
    return this.#missing;
  }

  async write({ indices, images, sizes, digests }: LoadedBatch): Promise<void> {
    for (const [i, index] of indices.entries()) {
      if (Buffer.compare(digests[i] as Uint8Array, this.options.digests[index] as Uint8Array) !== 0) {
        throw new Error(
          `Image cache: expected files that stay as they are, got changes in ${this.options.description.name} during loading. Load it again.`,
        );
      }
    }
    await this.file.write(indices, images.sharedArray() as Uint8Array, sizes);
  }

  async finish(): Promise<StoredImages> {
    const { directory, key, digests } = this.options;
    const path = finishedPath(directory, key);
    const images = this.file.map();
    if (this.isPart) {
      await this.file.flush();
      await rename(this.file.path, path);
    }
    await this.file.close();
    const now = new Date();
    await utimes(path, now, now).catch(() => {}); // tells when it was last used, and the owner may be another
    const aspectRatios = Float32Array.from(digests, (_, index) => {
      const { width, height } = this.file.imageSize(index);
      return width / height;
    });
    return { images, aspectRatios, digests };
  }

  /** A part that was stopped can be completed later; one that failed cannot. */
  async abandon(): Promise<void> {
    await this.file.close();
    if (!this.isPart) return;
    if (this.options.signal?.aborted) await releasePart(this.file.path);
    else await rm(this.file.path, { force: true });
  }

  /** Instead of `finish`, of a part that several fill: the one that began it leaves it to be completed. */
  async leave(): Promise<void> {
    await this.file.close();
    if (this.isOwner) await releasePart(this.file.path);
  }

  private get isPart(): boolean {
    return this.file.path !== finishedPath(this.options.directory, this.options.key);
  }

  private async check(): Promise<this> {
    const { description, directory, shape, signal } = this.options;
    try {
      if (this.isPart) await this.file.prepare(description);
      this.#missing = await this.file.check(signal);
      const neededBytes = (this.file.bytes * this.#missing.length) / shape.count;
      if (this.isPart) await checkFreeSpace(directory, neededBytes);
      return this;
    } catch (error) {
      await this.abandon();
      throw error;
    }
  }
}
