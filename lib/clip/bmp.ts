import type { DecodedImage } from "./image.js";

// Source: https://learn.microsoft.com/windows/win32/gdi/bitmap-storage

type Rgb = readonly [red: number, green: number, blue: number];

interface Header {
  readonly width: number;
  readonly height: number;
  readonly isTopDown: boolean;
  readonly bits: number;
  readonly isRunLength: boolean;
  /** Masks of the channels in a pixel of 16 or 32 bits. */
  readonly masks: Rgb;
  readonly palette: readonly Rgb[];
  /** Offset of the first row. */
  readonly offset: number;
}

const uncompressed = 0;
const runLength = [1, 2]; // of 8 and 4 bits
const bitFields = [3, 6];

/**
 * Decodes a Windows or OS/2 bitmap of any depth, run-length encoded ones included. Alpha is dropped.
 * @param checkSize throws where there are too many pixels
 * @throws if it is damaged, or holds a JPEG or PNG
 */
export function decodeBmp(
  content: Uint8Array,
  checkSize: (width: number, height: number) => void,
): DecodedImage {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  try {
    const header = readHeader(view);
    const { width, height, isTopDown, isRunLength } = header;
    checkSize(width, height);
    const rowBytes = Math.ceil((header.bits * width) / 32) * 4;
    if (!isRunLength && header.offset + height * rowBytes > content.length) throw new RangeError();
    const pixelAt = isRunLength ? runLengthReader(view, header) : pixelReader(view, header, rowBytes);
    const pixels = new Uint8Array(3 * width * height);
    for (let y = 0, to = 0; y < height; y++) {
      const row = isTopDown ? y : height - 1 - y;
      for (let x = 0; x < width; x++) for (const value of pixelAt(x, row)) pixels[to++] = value;
    }
    return { pixels, width, height };
  } catch (error) {
    // A DataView throws it, and its messages say nothing of bitmaps.
    if (error instanceof RangeError) throw new Error("the bitmap is cut off", { cause: error });
    throw error;
  }
}

function readHeader(view: DataView): Header {
  const [offset, headerBytes] = [view.getUint32(10, true), view.getUint32(14, true)];
  const isOld = headerBytes === 12;
  if (!isOld && (headerBytes < 40 || headerBytes > 124))
    throw new Error(`a bitmap with a header of ${headerBytes} bytes is not known`);
  const [width, signedHeight] = isOld
    ? [view.getUint16(18, true), view.getUint16(20, true)]
    : [view.getInt32(18, true), view.getInt32(22, true)];
  const bits = view.getUint16(isOld ? 24 : 28, true);
  const compression = isOld ? uncompressed : view.getUint32(30, true);
  const isRunLength = compression === runLength[bits === 8 ? 0 : 1] && (bits === 8 || bits === 4);
  const hasMasks = bitFields.includes(compression) && (bits === 16 || bits === 32);
  if (![1, 4, 8, 16, 24, 32].includes(bits) || (compression !== uncompressed && !isRunLength && !hasMasks))
    throw new Error(`a bitmap of ${bits} bits with compression ${compression} is not known`);
  const maskBytes = hasMasks && headerBytes === 40 ? (compression === 6 ? 16 : 12) : 0;
  return {
    width,
    height: Math.abs(signedHeight),
    isTopDown: signedHeight < 0,
    bits,
    isRunLength,
    masks: hasMasks ? readMasks(view) : bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff],
    palette:
      bits > 8
        ? []
        : readPalette(view, 14 + headerBytes + maskBytes, {
            entryBytes: isOld ? 3 : 4,
            count: Math.min((isOld ? 0 : view.getUint32(46, true)) || 1 << bits, 1 << bits),
          }),
    offset,
  };
}

function readMasks(view: DataView): Rgb {
  return [view.getUint32(54, true), view.getUint32(58, true), view.getUint32(62, true)];
}

function readPalette(view: DataView, start: number, { entryBytes = 4, count = 0 }): Rgb[] {
  return Array.from({ length: count }, (_, i) => {
    const at = start + i * entryBytes;
    return [view.getUint8(at + 2), view.getUint8(at + 1), view.getUint8(at)] as const;
  });
}

/** An index without a colour is black. */
const black: Rgb = [0, 0, 0];

function pixelReader(
  view: DataView,
  { bits, palette, masks, offset }: Header,
  rowBytes: number,
): (x: number, row: number) => Rgb {
  if (bits <= 8) {
    const perByte = 8 / bits;
    const mask = (1 << bits) - 1;
    return (x, row) => {
      const byte = view.getUint8(offset + row * rowBytes + Math.floor(x / perByte));
      return palette[(byte >> (8 - bits - bits * (x % perByte))) & mask] ?? black;
    };
  }
  if (bits === 24) {
    return (x, row) => {
      const at = offset + row * rowBytes + 3 * x;
      return [view.getUint8(at + 2), view.getUint8(at + 1), view.getUint8(at)];
    };
  }
  const [red, green, blue] = masks.map(channelReader) as [Channel, Channel, Channel];
  return (x, row) => {
    const at = offset + row * rowBytes + (bits / 8) * x;
    const value = bits === 16 ? view.getUint16(at, true) : view.getUint32(at, true);
    return [red(value), green(value), blue(value)];
  };
}

type Channel = (value: number) => number;

/** The bits of a mask, scaled to 0 to 255 and rounded down as Pillow does. */
function channelReader(mask: number): Channel {
  if (mask === 0) return () => 0;
  const shift = 31 - Math.clz32(mask & -mask);
  const largest = mask >>> shift;
  return (value) => Math.floor(((((value & mask) >>> 0) >>> shift) * 255) / largest);
}

/** Pairs of a count and an index; a count of 0 ends a row or the image, skips, or begins plain indices. */
function runLengthReader(view: DataView, header: Header): (x: number, row: number) => Rgb {
  const { width, height, bits, palette } = header;
  const indices = new Uint8Array(width * height); // what is skipped is the first colour
  const byteAt = (at: number): number => view.getUint8(at);
  const nibble = (byte: number, i: number): number =>
    bits === 8 ? byte : i % 2 === 0 ? byte >> 4 : byte & 15;
  let [x, row] = [0, 0];
  const put = (index: number): void => {
    if (x < width && row < height) indices[row * width + x] = index;
    x++;
  };
  for (let at = header.offset; row < height; ) {
    const [count, value] = [byteAt(at++), byteAt(at++)];
    if (count > 0) for (let i = 0; i < count; i++) put(nibble(value, i));
    else if (value === 0) [x, row] = [0, row + 1];
    else if (value === 1) break;
    else if (value === 2) [x, row] = [x + byteAt(at++), row + byteAt(at++)];
    else {
      const bytes = bits === 8 ? value : Math.ceil(value / 2);
      for (let i = 0; i < value; i++) put(nibble(byteAt(at + (bits === 8 ? i : i >> 1)), i));
      at += bytes + (bytes % 2);
    }
  }
  return (column, line) => palette[indices[line * width + column] as number] ?? black;
}
