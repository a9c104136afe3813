import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import pLimit from "p-limit";
import { type DecodeLimits, decodeImage } from "../../clip/index.js";
import { checkOptions } from "../../options/index.js";
import type { Dataset, Example } from "../types.js";
import { place, reasonOf } from "./unreadable.js";

const parts = ["train", "validation", "test"] as const;

/** Images that cannot be used. */
export interface FailedImages {
  readonly count: number;
  /** The first five in the order of the dataset: training before validation before test images. */
  readonly first: readonly { readonly place: string; readonly reason: string }[];
}

/** How the images of a dataset are on disk. */
export interface ImageCheck {
  /** Their files are not there. */
  readonly missing: FailedImages;
  /** Their files are empty or, where images were decoded, damaged. */
  readonly unreadable: FailedImages;
  /** Whether a run could read them: it does not need the validation images. */
  readonly usable: boolean;
}

export interface CheckImagesOptions {
  /** Decode every image, rather than only look for its file. Default: false. */
  readonly decode?: boolean;
  /** Bounds on the cost of decoding an image. Default: as of `decodeImage`. */
  readonly limits?: DecodeLimits;
  /** Ends the work; the signal's reason is thrown. */
  readonly signal?: AbortSignal;
  /** Called after each image. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Looks for the file of every image. */
export async function checkImages(dataset: Dataset, options: CheckImagesOptions = {}): Promise<ImageCheck> {
  checkOptions(options, { decode: true, limits: true, signal: true, onProgress: true }, "checkImages");
  const { decode = false, limits, signal, onProgress } = options;
  const total = parts.reduce((sum, part) => sum + dataset[part].length, 0);
  const [missing, unreadable] = [new Failures(), new Failures()];
  let done = 0;
  let usable = true;
  for (const part of parts) {
    const offset = done;
    // Looking up files is waiting; decoding keeps every core busy while the next images are read.
    const limit = pLimit(decode ? 2 * availableParallelism() : 32);
    await limit.map(dataset[part], async (example, index) => {
      signal?.throwIfAborted();
      const failure =
        (await checkFile(example)) ?? (decode ? await checkContent(example, limits) : undefined);
      if (failure !== undefined) {
        const failures = failure.isMissing ? missing : unreadable;
        failures.add(offset + index, { place: place(example), reason: failure.reason });
        usable &&= part === "validation";
      }
      onProgress?.(++done, total);
    });
  }
  return { missing: missing.result(), unreadable: unreadable.result(), usable };
}

interface Failure {
  readonly isMissing: boolean;
  readonly reason: string;
}

async function checkFile({ file, rawFile }: Example): Promise<Failure | undefined> {
  try {
    const found = await stat(rawFile ?? file);
    if (!found.isFile()) return { isMissing: false, reason: "is not a file" };
    return found.size === 0 ? { isMissing: false, reason: "is empty" } : undefined;
  } catch (error) {
    const { code = "cannot be opened" } = error as NodeJS.ErrnoException;
    const isMissing = code === "ENOENT" || code === "ENOTDIR";
    return { isMissing, reason: isMissing ? "is not there" : code };
  }
}

async function checkContent(example: Example, limits?: DecodeLimits): Promise<Failure | undefined> {
  try {
    const content = await example.read();
    if (content instanceof Uint8Array) await decodeImage(content, limits);
    return undefined;
  } catch (error) {
    return { isMissing: false, reason: reasonOf(error as Error) };
  }
}

/** Counts all and keeps the first five, whatever the order in which they are found. */
class Failures {
  #count = 0;
  readonly #first: { index: number; place: string; reason: string }[] = [];

  add(index: number, failure: { place: string; reason: string }): void {
    this.#count++;
    this.#first.push({ index, ...failure });
    this.#first.sort((a, b) => a.index - b.index);
    this.#first.splice(5);
  }

  result(): FailedImages {
    return { count: this.#count, first: this.#first.map(({ place, reason }) => ({ place, reason })) };
  }
}
