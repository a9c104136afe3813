import * as torch from "../../torch/index.js";
import type { LoadedBatch } from "./loader.js";

/** A place in which loaded images are put together: memory, or a file of the cache. */
export interface ImageStore {
  /** Indices of the images that are not there yet. */
  readonly missing: readonly number[];
  /** @param batch its `indices` are places in the store */
  write(batch: LoadedBatch): Promise<void>;
  /** All images, when none is missing any more. */
  finish(): Promise<StoredImages>;
  /** Instead of `finish`, after an error or when loading was stopped. */
  abandon(): Promise<void>;
}

export interface StoredImages {
  /** uint8 `[n, 3, S, S]`. */
  readonly images: torch.Tensor;
  /** Width over height of each image before it was transformed, `[n]`. */
  readonly aspectRatios: Float32Array;
  /** SHA-256 of the content of each image. */
  readonly digests: readonly Uint8Array[];
}

export class MemoryStore implements ImageStore {
  readonly missing: readonly number[];
  readonly #images: torch.Tensor;
  readonly #aspectRatios: Float32Array;
  readonly #digests: Uint8Array[] = [];

  /** @param size side of the images, pixels */
  constructor(count: number, size: number) {
    this.missing = Array.from({ length: count }, (_, index) => index);
    this.#images = torch.unscoped(() => torch.empty([count, 3, size, size], { dtype: "uint8" }));
    this.#aspectRatios = new Float32Array(count);
  }

  async write({ indices, images, sizes, digests }: LoadedBatch): Promise<void> {
    torch.scope(() => {
      this.#images.indexCopy_(0, torch.tensor(indices, { dtype: "int64" }), images);
    });
    for (const [i, index] of indices.entries()) {
      const { width, height } = sizes[i] as { width: number; height: number };
      this.#aspectRatios[index] = width / height;
      this.#digests[index] = digests[i] as Uint8Array;
    }
  }

  async finish(): Promise<StoredImages> {
    return { images: this.#images, aspectRatios: this.#aspectRatios, digests: this.#digests };
  }

  async abandon(): Promise<void> {
    this.#images.dispose();
  }
}
