import { createHash } from "node:crypto";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ImageTransform } from "../../clip/index.js";
import type { ImageStore } from "../loading/image-store.js";
import type { Machine } from "../loading/machine.js";
import type { Example } from "../types.js";
import { CacheEntry, type CacheEntryOptions } from "./cache-entry.js";
import { contentDigests, digestsPattern } from "./content-digests.js";
import { readHeader } from "./entry-header.js";
import { finishedPattern, isOrphan, isPart } from "./part-files.js";
import { explained } from "./write-errors.js";

const formatVersion = 2;
const blockBytes = 512; // of `stat`: parts have holes, which take no space

/** The images of one list in the cache. */
export interface CachedImages {
  /** Name of the list. */
  readonly name: string;
  /** `ImageTransform.key`. */
  readonly transform: string;
  readonly count: number;
  /** On disk. */
  readonly bytes: number;
  readonly lastUse: Date;
  /** Whether all images are there. A list whose loading was stopped is completed the next time. */
  readonly isComplete: boolean;
}

export interface Cleared {
  readonly freedBytes: number;
  /** Lists of images that were left, because a process is writing them. */
  readonly beingWritten: number;
}

/** Images to be loaded, all transformed in one way. */
export interface ImageList {
  readonly examples: readonly Example[];
  readonly transform: ImageTransform;
  /** `codyra data cache` shows it. */
  readonly name: string;
  readonly signal?: AbortSignal;
}

/**
 * Transformed images on disk, so that they are decoded only once. Each list of images and transform has a
 * file, found by what the images contain. Any number of processes may use a directory at the same time, and
 * end at any time.
 */
export class ImageCache {
  /** @param machine processes that load the same lists together, each decoding its share */
  constructor(
    readonly directory: string,
    readonly machine?: Machine,
  ) {}

  /**
   * @internal
   * Opens the place of a list's images, with those that are there already.
   * @throws if the directory cannot be written, or its disk is full
   */
  async open(list: ImageList): Promise<ImageStore> {
    return CacheEntry.open(await this.entryOf(list));
  }

  /** @internal As `open`, for several processes to fill; `undefined` where all images are there. */
  async begin(list: ImageList): Promise<CacheEntry | undefined> {
    return CacheEntry.begin(await this.entryOf(list));
  }

  /** @internal Opens the place that another process has begun. */
  async join(list: ImageList, path: string): Promise<CacheEntry> {
    return CacheEntry.join(await this.entryOf(list), path);
  }

  private async entryOf({ examples, transform, name, signal }: ImageList): Promise<CacheEntryOptions> {
    await explained(mkdir(this.directory, { recursive: true }), this.directory, 0);
    const digests = await contentDigests(examples, this.directory, signal);
    const hash = createHash("sha256").update(JSON.stringify([formatVersion, transform.key, transform.size]));
    for (const digest of digests) hash.update(digest);
    return {
      directory: this.directory,
      key: hash.digest("hex"),
      shape: { count: examples.length, size: transform.size },
      description: { name, transform: transform.key },
      digests,
      signal,
    };
  }

  /** The lists in the cache, last used first; with `unusedSince` only those that were not used after it. */
  async list({ unusedSince }: { unusedSince?: Date } = {}): Promise<CachedImages[]> {
    const lists: CachedImages[] = [];
    for (const { name: file, path, bytes, lastUse } of await this.files(unusedSince)) {
      const isComplete = finishedPattern.test(file);
      const header = isComplete || isPart(file) ? await readHeader(path) : undefined;
      if (header === undefined) continue;
      const { name, transform, count } = header;
      lists.push({ name, transform, count, bytes, lastUse, isComplete });
    }
    return lists.sort((a, b) => b.lastUse.getTime() - a.lastUse.getTime());
  }

  /**
   * Removes the cache's files, or with `unusedSince` only those not used after that. Files that a process is
   * writing stay, and a process that reads keeps its own.
   */
  async clear({ unusedSince }: { unusedSince?: Date } = {}): Promise<Cleared> {
    let freedBytes = 0;
    let beingWritten = 0;
    for (const { name, path, bytes } of await this.files(unusedSince)) {
      if (isPart(name) && !(await isOrphan(path))) {
        beingWritten++;
      } else {
        await rm(path, { force: true });
        freedBytes += bytes;
      }
    }
    return { freedBytes, beingWritten };
  }

  private async files(unusedSince?: Date): Promise<CacheFile[]> {
    const names = await readdir(this.directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return []; // nothing was cached yet
      throw error;
    });
    const files: CacheFile[] = [];
    for (const name of names) {
      if (!finishedPattern.test(name) && !isPart(name) && !digestsPattern.test(name)) continue;
      const path = join(this.directory, name);
      const state = await stat(path).catch(() => undefined);
      if (!state?.isFile() || (unusedSince !== undefined && state.mtime > unusedSince)) continue;
      files.push({ name, path, bytes: state.blocks * blockBytes, lastUse: state.mtime });
    }
    return files;
  }
}

interface CacheFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly lastUse: Date;
}
