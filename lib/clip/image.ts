import sharp from "sharp";

/** A decoded image: rows of RGB pixels, 8 bits a channel. */
export interface DecodedImage {
  readonly pixels: Uint8Array; // [height, width, 3]
  readonly width: number;
  readonly height: number;
}

/**
 * Decodes an image file as Pillow's `convert("RGB")` does, on which CLIP was trained: alpha is dropped, grey repeated, rotation tags and
 * colour profiles are ignored.
 * @throws if it cannot be read or is damaged, naming the path
 */
export async function decodeImage(source: string | Uint8Array): Promise<DecodedImage> {
  try {
    const { data, info } = await sharp(source, { ignoreIcc: true })
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
