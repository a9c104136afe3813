import type { DecodedImage } from "./image.js";

const headerLength = 13;
const graphicControl = 0xf9;

/** The first frame of a GIF: its place on the screen, and the colour beside it. */
export interface FirstFrame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** The frame has clear pixels. */
  readonly isClear: boolean;
  /**
   * The colour that Pillow gives to clear pixels, and to those that the frame does not reach. It is that of
   * the transparent index, or else the first of the palette.
   */
  readonly color: { readonly r: number; readonly g: number; readonly b: number };
}

/**
 * Reads what comes before the pixels of the first frame.
 * Source: https://www.w3.org/Graphics/GIF/spec-gif89a.txt
 * @returns undefined if there is no palette, or the file ends early
 */
export function firstFrame(file: Uint8Array): FirstFrame | undefined {
  const byte = (position: number) => file[position] ?? 0;
  const short = (position: number) => byte(position) + 256 * byte(position + 1);
  const sharedTable = tableLength(byte(10));
  let position = headerLength + sharedTable;
  let index: number | undefined;
  while (byte(position) === 0x21) {
    const hasTransparency = byte(position + 1) === graphicControl && (byte(position + 3) & 1) === 1;
    if (hasTransparency) index = byte(position + 6);
    position += 2;
    while (byte(position) !== 0) position += 1 + byte(position); // an extension is a chain of blocks, each after its length
    position++;
  }
  if (byte(position) !== 0x2c) return undefined;
  const ownTable = tableLength(byte(position + 9));
  const color = (ownTable > 0 ? position + 10 : headerLength) + 3 * (index ?? 0);
  if (ownTable + sharedTable === 0 || color + 3 > file.length) return undefined;
  const [left, top, width, height] = [1, 3, 5, 7].map((at) => short(position + at)) as [
    number,
    number,
    number,
    number,
  ];
  const isClear = index !== undefined;
  return {
    left,
    top,
    width,
    height,
    isClear,
    color: { r: byte(color), g: byte(color + 1), b: byte(color + 2) },
  };
}

/** Gives its colour to the pixels of the screen that the frame does not reach. */
export function fillAround({ left, top, width, height, color }: FirstFrame, image: DecodedImage): void {
  const { r, g, b } = color;
  const inside = (at: number, from: number, length: number) => at >= from && at < from + length;
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < image.width; x++) {
      if (inside(y, top, height) && inside(x, left, width)) continue;
      image.pixels.set([r, g, b], 3 * (y * image.width + x));
    }
  }
}

/** Bytes of a colour table. @param flags the byte that says whether there is one, and its size */
function tableLength(flags: number): number {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}
