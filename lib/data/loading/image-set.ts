import { createHash } from "node:crypto";
import type { DecodedImage } from "../../clip/index.js";
import * as torch from "../../torch/index.js";
import type { Example } from "../types.js";

export interface ImageSetParts {
  /** uint8 `[n, 3, H, W]`. */
  readonly images: torch.Tensor;
  /** int64 `[n]`. */
  readonly labels: torch.Tensor;
  /** Width over height of each image before it was resized, `[n]`. Default: that of `images`. */
  readonly aspectRatios?: Float32Array;
  /** SHA-256 of labels and image contents in order. */
  readonly fingerprint: string;
  /** A digest of label and content of each image, by name; where images have names. */
  readonly contents?: ReadonlyMap<string, string>;
}

/** Decoded, resized images with labels, in memory or mapped from a file until `dispose`. */
export class ImageSet implements Disposable {
  readonly images: torch.Tensor;
  readonly labels: torch.Tensor;
  readonly aspectRatios: Float32Array;
  readonly fingerprint: string;
  readonly contents: ReadonlyMap<string, string> | undefined;
  readonly length: number;

  /** Takes over both tensors. */
  constructor({ images, labels, aspectRatios, fingerprint, contents }: ImageSetParts) {
    const [length, , height, width] = images.shape as [number, number, number, number];
    this.images = images.keep();
    this.labels = labels.keep();
    this.aspectRatios = aspectRatios ?? new Float32Array(length).fill(width / height);
    this.fingerprint = fingerprint;
    this.contents = contents;
    this.length = length;
  }

  /**
   * Copies of the examples at these indices.
   * @param device device of the copies; default: that of the images
   */
  select(
    indices: readonly number[],
    device = this.images.device,
  ): { images: torch.Tensor; labels: torch.Tensor } {
    return torch.scope(() => {
      const index = torch.tensor(indices, { dtype: "int64", device: this.images.device });
      const images = torch.upload(this.images.indexSelect(0, index), device);
      return { images, labels: this.selectLabels(indices, device) };
    });
  }

  /** Copies of the labels of the examples at these indices. */
  selectLabels(indices: readonly number[], device = this.images.device): torch.Tensor {
    return torch.scope(() => {
      const index = torch.tensor(indices, { dtype: "int64", device: this.images.device });
      return torch.upload(this.labels.indexSelect(0, index), device);
    });
  }

  /** The examples from `start` up to but without `end`: views where they need not move. */
  slice(
    start: number,
    end: number,
    device = this.images.device,
  ): { images: torch.Tensor; labels: torch.Tensor } {
    return torch.scope(() => {
      const images = torch.upload(this.images.narrow(0, start, end - start), device);
      const labels = torch.upload(this.labels.narrow(0, start, end - start), device);
      return { images, labels };
    });
  }

  dispose(): void {
    this.images.dispose();
    this.labels.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** SHA-256 of a list of labelled contents, from the digests of the contents. */
export function fingerprintExamples(labels: ArrayLike<number>, digests: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const [i, digest] of digests.entries()) hash.update(`${labels[i]} `).update(digest);
  return hash.digest("hex");
}

/** A short digest of label and content of each example, by its name: enough to tell which of them differ. */
export function exampleContents(
  examples: readonly Pick<Example, "name" | "label">[],
  digests: readonly Uint8Array[],
): Map<string, string> {
  return new Map(
    examples.map(({ name, label }, i) => {
      const hash = createHash("sha256")
        .update(`${label} `)
        .update(digests[i] as Uint8Array);
      return [name, hash.digest("hex").slice(0, 16)];
    }),
  );
}

/** SHA-256 of some bytes. */
export function digest(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

/** SHA-256 of what `Example.read` gives. */
export function contentDigest(content: Uint8Array | DecodedImage): Uint8Array {
  if (content instanceof Uint8Array) return digest(content);
  const { pixels, width, height } = content;
  return createHash("sha256").update(`${width} x ${height}: `).update(pixels).digest();
}
