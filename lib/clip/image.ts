import { readFile } from "node:fs/promises";
import type { Sharp } from "sharp";
import { checkOptions, type OptionKeys } from "../options/index.js";
import { images } from "../torch/index.js";
import { decodeBitmap } from "./bitmap.js";
import {
  checkPixels,
  type DecodeLimits,
  decodeLimitKeys,
  explainTimeout,
  resolveLimits,
} from "./decode-limits.js";
import { explainContent } from "./explain-content.js";
import { fillAround, firstFrame } from "./gif.js";
import { jpegSize } from "./jpeg-size.js";

/** A decoded image: rows of RGB pixels, 8 bits a channel. */
export interface DecodedImage {
  readonly pixels: Uint8Array; // [height, width, 3]
  readonly width: number;
  readonly height: number;
}

export interface DecodeOptions extends DecodeLimits {
  /**
   * Turns the image upright as its EXIF tag says. Default: false, as in CLIP's own code. TIFF and AVIF are
   * turned always.
   */
  readonly orient?: boolean;
  /**
   * `drop` takes the colours that transparent pixels have, as Pillow's `convert("RGB")` and CLIP's own code.
   * `white` lays the image on white, as transformers 5.21 and later. Default: `drop`.
   */
  readonly transparency?: "drop" | "white";
}

export const decodeOptionKeys: OptionKeys<DecodeOptions> = {
  orient: true,
  transparency: true,
  ...decodeLimitKeys,
};

/**
 * Decodes an image file, whatever its extension, to the pixels of Pillow's `convert("RGB")`, on which CLIP
 * was trained. Alpha is dropped, grey repeated, 16-bit grey clipped at 255, CMYK converted without a profile,
 * colour profiles ignored. TIFF files are turned upright whatever the options say. So are AVIF files:
 * their container stores the turn (`irot`, `imir`), and libheif applies it as a part of decoding. An
 * animation gives its first frame. AVIF and uncompressed YCbCr in TIFF differ from Pillow: their colour
 * planes are read in another way.
 * @param source path, or content of a file
 * @throws if it cannot be read, is damaged or breaks a limit, naming the path
 */
export async function decodeImage(
  source: string | Uint8Array,
  options: DecodeOptions = {},
): Promise<DecodedImage> {
  checkOptions(options, decodeOptionKeys, "decodeImage");
  const limited = { ...options, ...resolveLimits(options) };
  let content: Uint8Array | undefined;
  try {
    content = typeof source === "string" ? await readFile(source) : source;
    return (
      (await decodeJpegFast(content, limited)) ??
      decodeBitmap(content, limited.limitInputPixels) ??
      (await decodeWithSharp(content, limited))
    );
  } catch (error) {
    const name = typeof source === "string" ? source : `image of ${source.length} bytes`;
    const timely = explainTimeout(error as Error, limited.decodeTimeoutSeconds);
    const cause = explainContent(timely, content);
    throw new Error(`${name}: cannot be read as an image: ${cause.message}. Replace it, or leave it out.`, {
      cause,
    });
  }
}

/** How to decode, with all limits. */
type LimitedOptions = DecodeOptions & Required<DecodeLimits>;

/**
 * By libjpeg, which is several times faster.
 * @returns undefined where it is not for libjpeg, which includes images that are to be refused for their size
 */
export async function decodeJpegFast(
  content: Uint8Array,
  { orient = false, limitInputPixels }: LimitedOptions,
  square?: images.Square,
): Promise<images.Pixels | undefined> {
  const size = orient ? undefined : jpegSize(content);
  if (size === undefined || size.width * size.height > limitInputPixels) return undefined;
  return await images.decodeJpeg(content, square);
}

async function decodeWithSharp(
  content: Uint8Array,
  { orient = false, transparency = "drop", limitInputPixels, decodeTimeoutSeconds }: LimitedOptions,
): Promise<DecodedImage> {
  const { default: sharp } = await import("sharp"); // as long to load as all of CLIP, and rarely needed
  // Stray bytes in a JPEG are only a warning of its decoder: Pillow reads such files, and published
  // datasets have them.
  const image = sharp(content, {
    ignoreIcc: true,
    failOn: "error",
    sequentialRead: true,
    limitInputPixels: false, // its own error does not tell the size
  });
  const { format, space, depth, hasAlpha, width, height } = await image.metadata();
  checkPixels(width, height, limitInputPixels);
  if (depth === "float" && space !== "b-w") throw new Error(unreadableFloats);
  image.timeout({ seconds: decodeTimeoutSeconds });
  if (orient || format === "tiff") image.autoOrient();
  if (space === "cmyk") return await decodeCmyk(image, depth === "ushort");
  if (space === "grey16" && (!hasAlpha || isGreyPng(content))) {
    return await decodeGrey16(image, transparency === "white");
  }
  const frame = format === "gif" ? firstFrame(content) : undefined;
  const hidden = frame?.isClear ? frame.color : undefined;
  const background = transparency === "white" ? "white" : hidden;
  if (background !== undefined) image.flatten({ background });
  const { data, info } = await image
    .removeAlpha()
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  const decoded = { pixels: data, width: info.width, height: info.height };
  if (frame !== undefined && !frame.isClear) fillAround(frame, decoded);
  return decoded;
}

/** Pillow reads one channel of 32 bits, and refuses colours and halves. */
const unreadableFloats =
  "it has colours or halves of floating point, whose range is not known; save it with 8 bits a channel";

/** A PNG is grey without alpha. One grey level may be marked as clear, which is no channel. */
function isGreyPng(content: Uint8Array): boolean {
  const [kindOfColour, isPng] = [content[25], content[0] === 0x89];
  return isPng && kindOfColour === 0;
}

/**
 * `(255 − k)(255 − c) / 255` per channel, of the upper 8 bits of 16. Left to itself, sharp converts with a
 * profile of a printing press.
 */
async function decodeCmyk(image: Sharp, hasShorts: boolean): Promise<DecodedImage> {
  const { data: bytes, info } = await image
    .pipelineColourspace("cmyk")
    .toColourspace("cmyk")
    .raw({ depth: hasShorts ? "ushort" : "uchar" })
    .toBuffer({ resolveWithObject: true });
  const data = hasShorts ? upperBytes(bytes) : bytes;
  const pixels = new Uint8Array(3 * info.width * info.height);
  for (let from = 0, to = 0; to < pixels.length; from += info.channels) {
    const light = 255 - data[from + 3]!;
    for (let c = 0; c < 3; c++) pixels[to++] = light - Math.round((data[from + c]! * light) / 255);
  }
  return { pixels, width: info.width, height: info.height };
}

/** The upper half of each short, in the order of bytes of x64 and ARM. */
function upperBytes(shorts: Uint8Array): Uint8Array {
  return shorts.filter((_, i) => i % 2 === 1);
}

/** Clipped at 255. @param isOnWhite lays the clear level of a PNG on white, if it has one */
async function decodeGrey16(image: Sharp, isOnWhite: boolean): Promise<DecodedImage> {
  const { data, info } = await image
    .toColourspace("grey16")
    .raw({ depth: "ushort" })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const values = new Uint16Array(data.buffer, data.byteOffset, width * height * channels);
  const pixels = new Uint8Array(3 * width * height);
  for (let from = 0, to = 0; to < pixels.length; from += channels, to += 3) {
    const isClear = isOnWhite && channels === 2 && values[from + 1] === 0;
    pixels.fill(isClear ? 255 : Math.min(values[from]!, 255), to, to + 3);
  }
  return { pixels, width, height };
}
