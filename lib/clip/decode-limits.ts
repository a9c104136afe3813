import {
  decodeTimeoutSchema,
  defaultDecodeTimeoutSeconds,
  defaultLimitInputPixels,
  limitInputPixelsSchema,
  type OptionKeys,
} from "../options/index.js";

/**
 * Bounds on the cost of decoding an image. Limits change no pixel of an image that keeps them, so that no
 * cached image, vector or fingerprint depends on them.
 */
export interface DecodeLimits {
  /**
   * Images of more pixels, width times height, are refused by their header, before memory is taken. Default:
   * sharp's 16383², 268 million.
   */
  readonly limitInputPixels?: number;
  /**
   * Seconds after which sharp gives up on an image, a whole number up to 3600; 0 for never. JPEG by libjpeg,
   * bitmaps and Netpbm are bounded by their pixels alone. Default: 60.
   */
  readonly decodeTimeoutSeconds?: number;
}

export const decodeLimitKeys: OptionKeys<DecodeLimits> = {
  limitInputPixels: true,
  decodeTimeoutSeconds: true,
};

/**
 * Limits with their defaults.
 * @throws RangeError if one is no number that can be kept
 */
export function resolveLimits(given: DecodeLimits): Required<DecodeLimits> {
  const { limitInputPixels = defaultLimitInputPixels, decodeTimeoutSeconds = defaultDecodeTimeoutSeconds } =
    given;
  if (!limitInputPixelsSchema.safeParse(limitInputPixels).success) {
    throw new RangeError(
      `limitInputPixels: expected a whole number of pixels above 0, got ${limitInputPixels}. Leave it out for ${defaultLimitInputPixels}.`,
    );
  }
  if (!decodeTimeoutSchema.safeParse(decodeTimeoutSeconds).success) {
    throw new RangeError(
      `decodeTimeoutSeconds: expected a whole number of seconds from 0 to 3600, got ${decodeTimeoutSeconds}. Leave it out for ${defaultDecodeTimeoutSeconds}.`,
    );
  }
  return { limitInputPixels, decodeTimeoutSeconds };
}

/** @throws with size and limit, if an image has more pixels than it may */
export function checkPixels(width: number, height: number, limitInputPixels: number): void {
  if (width * height <= limitInputPixels) return;
  throw new Error(
    `it has ${width} × ${height} = ${width * height} pixels, and the limit is ${limitInputPixels}; ` +
      "raise it with limitInputPixels (--limit-input-pixels)",
  );
}

/** Adds the limit, and how to raise it, to sharp's error when time is up; leaves other errors as they are. */
export function explainTimeout(error: Error, seconds: number): Error {
  const progress = /^timeout: (\d+)% complete/.exec(error.message)?.[1];
  if (progress === undefined) return error;
  return new Error(
    `it was decoded to ${progress} % in ${seconds} s, which is the limit; raise it with decodeTimeoutSeconds (--decode-timeout-seconds)`,
    { cause: error },
  );
}
