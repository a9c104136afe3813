import { checkOptions } from "../options/index.js";
import { images } from "../torch/index.js";
import { resolveLimits } from "./decode-limits.js";
import {
  type DecodedImage,
  type DecodeOptions,
  decodeImage,
  decodeJpegFast,
  decodeOptionKeys,
} from "./image.js";

/** Turns an encoded or decoded image into a square of pixels of fixed size, away from the main thread. */
export interface ImageTransform {
  /** Side of the result, pixels. */
  readonly size: number;
  /** Says all that the pixels depend on beside the image; part of the key of cached images. */
  readonly key: string;
  /** @throws if the image is damaged or breaks a limit, saying why, or is too elongated */
  apply(image: Uint8Array | DecodedImage): Promise<TransformedImage>;
}

export interface TransformedImage {
  /** RGB bytes `[size, size, 3]`. */
  readonly pixels: Uint8Array;
  /** Size of the image before it was transformed, in pixels. */
  readonly width: number;
  readonly height: number;
}

export interface TransformOptions extends DecodeOptions {
  /** The filter of resizing, with antialiasing. Default: `bicubic`. */
  readonly filter?: images.Filter;
}

/**
 * Resizes the shorter side to `size` and cuts a square of `cropSize` out of the middle: how CLIP sees images
 * in tests.
 */
export function resizeAndCenterCrop(
  size: number,
  cropSize: number,
  options?: TransformOptions,
): ImageTransform {
  return transform(`resize ${size}, center crop ${cropSize}`, { size: cropSize, shortSide: size }, options);
}

/** Resizes to a square, ignoring the aspect ratio: how SigLIP sees images. */
export function stretch(size: number, options?: TransformOptions): ImageTransform {
  return transform(`stretch ${size}`, { size }, options);
}

/**
 * Resizes to a square of `size`, ignoring the aspect ratio, and cuts a square of `cropSize` out of the
 * middle.
 */
export function stretchAndCenterCrop(
  size: number,
  cropSize: number,
  options?: TransformOptions,
): ImageTransform {
  const whole = stretch(size, options);
  if (cropSize === size) return whole;
  const start = Math.floor((size - cropSize) / 2);
  return {
    size: cropSize,
    key: `${whole.key}, center crop ${cropSize}`,
    async apply(source) {
      const stretched = await whole.apply(source);
      const pixels = new Uint8Array(3 * cropSize * cropSize);
      for (let row = 0; row < cropSize; row++) {
        const from = 3 * ((start + row) * size + start);
        pixels.set(stretched.pixels.subarray(from, from + 3 * cropSize), 3 * row * cropSize);
      }
      return { ...stretched, pixels };
    },
  };
}

function transform(key: string, shape: images.Square, options: TransformOptions = {}): ImageTransform {
  checkOptions(options, { ...decodeOptionKeys, filter: true }, "An image transform");
  const { filter = "bicubic", ...given } = options;
  const { orient = false, transparency = "drop" } = given;
  const decoding = { orient, transparency, ...resolveLimits(given) };
  const square = { ...shape, filter };
  const differences = [
    ...(filter === "bicubic" ? [] : [filter]),
    ...(orient ? ["upright"] : []),
    ...(transparency === "white" ? ["on white"] : []),
  ];
  return {
    size: square.size,
    key: [key, ...differences].join(", "),
    async apply(source) {
      if (!(source instanceof Uint8Array)) return images.resizeToSquare(source, square);
      const fast = await decodeJpegFast(source, decoding, square);
      return fast ?? images.resizeToSquare(await decodeImage(source, decoding), square);
    },
  };
}
