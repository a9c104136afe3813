import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import * as torch from "../../torch/index.js";
import {
  type EntryDescription,
  type EntryShape,
  formatHeader,
  headerBytes,
  recordBytes,
} from "./entry-header.js";
import { explained } from "./write-errors.js";

const blockBytes = 1 << 22; // read at once

/** Size of an image before it was transformed, in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/**
 * One file of cached images. It is a safetensors file, so that other tools can look inside. Its header has a
 * fixed length, and every image has its place before any is there. Images are written in any order, and a
 * file that was left half-written is completed.
 */
export class EntryFile {
  readonly #imageBytes: number;
  // int32 [count, 3]: width, height, and the CRC-32 of the pixels and these two. A width of zero: not written
  // yet.
  readonly #records: Int32Array;

  private constructor(
    readonly path: string,
    readonly shape: EntryShape,
    private readonly handle: FileHandle,
  ) {
    this.#imageBytes = 3 * shape.size ** 2;
    this.#records = new Int32Array(3 * shape.count);
  }

  /** Opens a finished file. @returns nothing if there is none, or one of another length */
  static async openFinished(path: string, shape: EntryShape): Promise<EntryFile | undefined> {
    const handle = await open(path, "r").catch(() => undefined);
    if (handle === undefined) return undefined;
    const file = new EntryFile(path, shape, handle);
    const { size } = await handle.stat();
    if (size === file.bytes) return file;
    await file.close();
    return undefined;
  }

  /** Opens a file to be written, whatever is in it. */
  static async openPart(path: string, shape: EntryShape): Promise<EntryFile> {
    return new EntryFile(path, shape, await open(path, "r+"));
  }

  /** Length of the whole file. */
  get bytes(): number {
    return this.offset(this.shape.count);
  }

  /** Gives a part its header and full length, with a hole where nothing is written. */
  async prepare(description: EntryDescription): Promise<void> {
    await explained(this.handle.truncate(this.bytes), this.path, this.bytes);
    await this.writeAll(formatHeader(this.shape, description), 0);
  }

  /** Reads all that is there. @returns the indices of images that are not, or are damaged */
  async check(signal?: AbortSignal): Promise<number[]> {
    const { count } = this.shape;
    const imageBytes = this.#imageBytes;
    const perBlock = Math.max(1, Math.floor(blockBytes / imageBytes));
    const block = Buffer.alloc(Math.min(perBlock, count) * imageBytes);
    const missing: number[] = [];
    await this.handle.read(bytesOf(this.#records), 0, recordBytes * count, headerBytes);
    for (let first = 0; first < count; first += perBlock) {
      signal?.throwIfAborted();
      const indices = Array.from({ length: Math.min(perBlock, count - first) }, (_, i) => first + i);
      if (indices.some((index) => this.isRecorded(index))) {
        await this.handle.read(block, 0, indices.length * imageBytes, this.offset(first));
      }
      const isWhole = (index: number) => {
        const pixels = block.subarray((index - first) * imageBytes, (index - first + 1) * imageBytes);
        return (
          this.isRecorded(index) && this.#records[3 * index + 2] === checksum(pixels, this.imageSize(index))
        );
      };
      missing.push(...indices.filter((index) => !isWhole(index)));
    }
    return missing;
  }

  /** @param pixels `[n, 3, S, S]` */
  async write(indices: readonly number[], pixels: Uint8Array, sizes: readonly ImageSize[]): Promise<void> {
    const imageBytes = this.#imageBytes;
    for (const { start, end } of runs(indices)) {
      const first = indices[start] as number;
      const records = this.#records.subarray(3 * first, 3 * (first + end - start));
      for (let i = start; i < end; i++) {
        const size = sizes[i] as ImageSize;
        const image = pixels.subarray(i * imageBytes, (i + 1) * imageBytes);
        records.set([size.width, size.height, checksum(image, size)], 3 * (i - start));
      }
      await this.writeAll(pixels.subarray(start * imageBytes, end * imageBytes), this.offset(first));
      await this.writeAll(bytesOf(records), headerBytes + recordBytes * first);
    }
  }

  /** Waits until all is on the disk. */
  async flush(): Promise<void> {
    await explained(this.handle.sync(), this.path, this.bytes);
  }

  /**
   * The images as a view of the file: only what is used is read, and nothing of it counts as memory of the
   * process's own.
   */
  map(): torch.Tensor {
    const { count, size } = this.shape;
    return torch.scope(() => {
      const bytes = torch.fromFile(this.path, false, this.bytes, { dtype: "uint8" });
      return bytes.narrow(0, this.offset(0), count * this.#imageBytes).view([count, 3, size, size]);
    });
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  imageSize(index: number): ImageSize {
    return { width: this.#records[3 * index] as number, height: this.#records[3 * index + 1] as number };
  }

  private isRecorded(index: number): boolean {
    return this.#records[3 * index] !== 0;
  }

  private offset(index: number): number {
    return headerBytes + recordBytes * this.shape.count + this.#imageBytes * index;
  }

  // Never through a mapping: on a full disk that is a signal that ends the process, instead of an error.
  private async writeAll(bytes: Uint8Array, position: number): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const writing = this.handle.write(bytes, at, bytes.length - at, position + at);
      at += (await explained(writing, this.path, this.bytes)).bytesWritten;
    }
  }
}

/** The stretches of consecutive numbers in a list, as positions in it. */
function runs(numbers: readonly number[]): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  for (const [i, number] of numbers.entries()) {
    const last = found.at(-1);
    if (last !== undefined && number === (numbers[i - 1] as number) + 1) last.end = i + 1;
    else found.push({ start: i, end: i + 1 });
  }
  return found;
}

function checksum(pixels: Uint8Array, { width, height }: ImageSize): number {
  return crc32(Int32Array.of(width, height), crc32(pixels)) | 0;
}

function bytesOf({ buffer, byteOffset, byteLength }: Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
