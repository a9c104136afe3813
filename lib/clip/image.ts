import { readFile } from "node:fs/promises";
import type { Sharp } from "sharp";
import { checkOptions, type OptionKeys } from "../options/index.js";
import { images } from "../torch/index.js";
import { decodeBitmap } from "./bitmap.js";
import { transparentColor } from "./gif.js";

/** A decoded image: rows of RGB pixels, 8 bits a channel. */
export interface DecodedImage {
  readonly pixels: Uint8Array; // [height, width, 3]
  readonly width: number;
  readonly height: number;
}

export interface DecodeOptions {
  /** Turns the image upright as its EXIF tag says. Default: false, as in CLIP's own code. */
  readonly orient?: boolean;
  /**
   * `drop` takes the colours that transparent pixels have, as Pillow's `convert("RGB")` and CLIP's own code;
   * `white` lays the image on white, as transformers 5.21 and later. Default: `drop`.
   */
  readonly transparency?: "drop" | "white";
}

export const decodeOptionKeys: OptionKeys<DecodeOptions> = { orient: true, transparency: true };

/**
 * Decodes an image file, whatever its extension, to the pixels of Pillow's `convert("RGB")`, on which CLIP
 * was trained: alpha is dropped, grey repeated, 16-bit grey clipped at 255, CMYK converted without a profile,
 * colour profiles ignored. TIFF files are turned upright whatever the options say. Of an animation, the first
 * frame. Not so AVIF and uncompressed YCbCr in TIFF, whose colour planes are read in another way.
 * @param source path, or content of a file
 * @throws if it cannot be read or is damaged, naming the path
 */
export async function decodeImage(
  source: string | Uint8Array,
  options: DecodeOptions = {},
): Promise<DecodedImage> {
  checkOptions(options, decodeOptionKeys, "decodeImage");
  const { orient = false, transparency = "drop" } = options;
  try {
    const content = typeof source === "string" ? await readFile(source) : source;
    const jpeg = orient ? undefined : await images.decodeJpeg(content);
    if (jpeg !== undefined) return jpeg;
    const bitmap = decodeBitmap(content);
    if (bitmap !== undefined) return bitmap;
    const { default: sharp } = await import("sharp"); // as long to load as all of CLIP, and rarely needed
    // Stray bytes in a JPEG are only a warning of its decoder: Pillow reads such files, and published
    // datasets have them.
    const image = sharp(content, {
      ignoreIcc: true,
      failOn: "error",
      sequentialRead: true,
    });
    const { format, space, hasAlpha } = await image.metadata();
    if (orient || format === "tiff") image.autoOrient();
    if (space === "cmyk") return await decodeCmyk(image);
    if (space === "grey16" && !hasAlpha) return await decodeGrey16(image);
    const hidden = format === "gif" ? transparentColor(content) : undefined;
    const background = transparency === "white" ? "white" : hidden;
    if (background !== undefined) image.flatten({ background });
    const { data, info } = await image
      .removeAlpha()
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { pixels: data, width: info.width, height: info.height };
  } catch (cause) {
    const name = typeof source === "string" ? source : `image of ${source.length} bytes`;
    const reason = (cause as Error).message;
    throw new Error(`${name}: cannot be read as an image: ${reason}. Replace it, or leave it out.`, {
      cause,
    });
  }
}

/**
 * `(255 − k)(255 − c) / 255` per channel. Left to itself, sharp converts with a profile of a printing press.
 */
async function decodeCmyk(image: Sharp): Promise<DecodedImage> {
  const { data, info } = await image
    .pipelineColourspace("cmyk")
    .toColourspace("cmyk")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  const pixels = new Uint8Array(3 * info.width * info.height);
  for (let from = 0, to = 0; to < pixels.length; from += info.channels) {
    const light = 255 - data[from + 3]!;
    for (let c = 0; c < 3; c++) pixels[to++] = light - Math.round((data[from + c]! * light) / 255);
  }
  return { pixels, width: info.width, height: info.height };
}

async function decodeGrey16(image: Sharp): Promise<DecodedImage> {
  const { data, info } = await image
    .toColourspace("grey16")
    .raw({ depth: "ushort" })
    .toBuffer({ resolveWithObject: true });
  const grey = new Uint16Array(data.buffer, data.byteOffset, info.width * info.height);
  const pixels = new Uint8Array(3 * grey.length);
  grey.forEach((value, i) => {
    pixels.fill(Math.min(value, 255), 3 * i, 3 * i + 3);
  });
  return { pixels, width: info.width, height: info.height };
}
