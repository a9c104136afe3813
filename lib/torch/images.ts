import { bridge, type Pixels } from "./bridge.js";

export type { Pixels };

/** How an image becomes a square of pixels. */
export interface Square {
  /** Side of the result, pixels. */
  readonly size: number;
  /**
   * Length that the shorter side is resized to before the middle is cut out, pixels. Default: the image is
   * stretched.
   */
  readonly shortSide?: number;
  /** Default: `bicubic`. */
  readonly filter?: Filter;
}

/** Filters of resizing, both with antialiasing. */
export type Filter = "bicubic" | "bilinear";

/**
 * Decodes a grey or colour JPEG on another thread, with libjpeg, to the pixels that Pillow gives.
 * @param square the square to cut and resize it to there and then
 * @returns RGB bytes `[height, width, 3]`, or `[size, size, 3]` with the size of the image before.
 *   `undefined` for all but an impeccable JPEG of that kind, and always without libjpeg in the addon
 * @throws if the resized image would be too large
 */
export async function decodeJpeg(bytes: Uint8Array, square?: Square): Promise<Pixels | undefined> {
  const { decodeJpeg } = bridge();
  return square === undefined ? decodeJpeg(bytes) : decodeJpeg(bytes, ...argumentsOf(square));
}

/**
 * Resizes an image on another thread with antialiasing, as Pillow does; the middle is cut out as
 * transformers does.
 * @returns RGB bytes `[size, size, 3]`, with the size of the image before
 * @throws if the resized image would be too large, or the pixels are not `3 · width · height` bytes
 */
export async function resizeToSquare({ pixels, width, height }: Pixels, square: Square): Promise<Pixels> {
  return bridge().resizeToSquare(pixels, width, height, ...argumentsOf(square));
}

function argumentsOf({ size, shortSide = 0, filter }: Square): [number, number, boolean] {
  return [size, shortSide, filter === "bilinear"];
}

/** Whether the addon was built with libjpeg, which decodes JPEG files several times faster. */
export function hasJpegDecoder(): boolean {
  return bridge().hasJpegDecoder();
}
