import { decodeBmp } from "./bmp.js";
import { checkPixels } from "./decode-limits.js";
import type { DecodedImage } from "./image.js";

type CheckSize = (width: number, height: number) => void;

/**
 * Windows bitmaps and Netpbm files, which sharp's prebuilt library cannot decode.
 * @returns nothing if the content is neither
 * @throws if it is damaged, or has more pixels than it may
 */
export function decodeBitmap(content: Uint8Array, limitInputPixels: number): DecodedImage | undefined {
  const [first = 0, second = 0] = content;
  const checkSize: CheckSize = (width, height) => {
    if (width < 1 || height < 1) throw new Error(`expected at least one pixel, got ${width} × ${height}`);
    checkPixels(width, height, limitInputPixels);
  };
  if (first === 0x42 && second === 0x4d) return decodeBmp(content, checkSize); // BM
  if (first === 0x50 && second >= 0x31 && second <= 0x36) return decodeNetpbm(content, checkSize); // P1 to P6
  return undefined;
}

/**
 * https://netpbm.sourceforge.net/doc/: a magic number, width, height, largest value but for P1 and P4, and
 * the samples.
 */
function decodeNetpbm(content: Uint8Array, checkSize: CheckSize): DecodedImage {
  const kind = (content[1] as number) - 0x30;
  const isBits = kind === 1 || kind === 4;
  const reader = new NetpbmReader(content, 2);
  const [width, height] = [reader.number(), reader.number()];
  checkSize(width, height);
  const largest = isBits ? 1 : reader.number();
  if (largest < 1 || largest > 65_535) throw new Error(`the largest value of a sample is ${largest}`);
  const channels = kind === 3 || kind === 6 ? 3 : 1;
  const count = width * height * channels;
  const samples = kind < 4 ? reader.text(count, isBits) : reader.binary(count, isBits ? width : 0, largest);
  const pixels = new Uint8Array(3 * width * height);
  for (let i = 0; i < pixels.length; i++) {
    const sample = samples[channels === 3 ? i : Math.floor(i / 3)] as number;
    pixels[i] = isBits ? 255 * (1 - sample) : level(sample, largest, channels === 1);
  }
  return { pixels, width, height };
}

/**
 * As Pillow, which takes grey of more than 8 bits for that of 16, and clips it as it does in every format.
 * Halves are rounded to even.
 */
function level(sample: number, largest: number, isGrey: boolean): number {
  const value = (sample * (isGrey && largest > 255 ? 65_535 : 255)) / largest;
  const rounded = Math.round(value);
  return Math.min(255, rounded - value === 0.5 && rounded % 2 === 1 ? rounded - 1 : rounded);
}

class NetpbmReader {
  constructor(
    readonly content: Uint8Array,
    public position: number,
  ) {}

  /** Decimal digits, and the blank after them; before them blanks and comments. */
  number(digits = Number.POSITIVE_INFINITY): number {
    const { content } = this;
    for (; ; this.position++) {
      const byte = content[this.position];
      if (byte === 0x23) while (![0x0a, undefined].includes(content[this.position])) this.position++;
      else if (!isBlank(byte)) break;
    }
    let text = "";
    while (text.length < digits && isDigit(content[this.position])) {
      text += String.fromCharCode(content[this.position++] as number);
    }
    if (text === "" || text.length > 9) throw new Error("expected a number in the header or the samples");
    if (digits !== 1) this.position++;
    return Number(text);
  }

  text(count: number, isBits: boolean): number[] {
    if (count > this.content.length) throw new Error("the samples are cut off");
    return Array.from({ length: count }, () => this.number(isBits ? 1 : undefined));
  }

  /** @param bitRow samples per row of bits, each of which begins at a byte; 0 for bytes */
  binary(count: number, bitRow: number, largest: number): ArrayLike<number> {
    const { content, position } = this;
    const rowBytes = Math.ceil(bitRow / 8);
    const sampleBytes = largest > 255 ? 2 : 1;
    const needed = bitRow > 0 ? (count / bitRow) * rowBytes : count * sampleBytes;
    if (position + needed > content.length) throw new Error("the samples are cut off");
    if (bitRow === 0 && sampleBytes === 1) return content.subarray(position, position + count);
    const samples = new Uint16Array(count);
    for (let i = 0; i < count; i++) {
      if (bitRow > 0) {
        const column = i % bitRow;
        const byte = content[position + Math.floor(i / bitRow) * rowBytes + (column >> 3)] as number;
        samples[i] = (byte >> (7 - (column & 7))) & 1;
      } else
        samples[i] = ((content[position + 2 * i] as number) << 8) | (content[position + 2 * i + 1] as number);
    }
    return samples;
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}
