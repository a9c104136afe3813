import type { DecodedImage } from "../../clip/index.js";
import type { Example } from "../types.js";

/** Images of one size in one file, kept in memory. */
export interface PixelFile {
  readonly path: string;
  /** Which part of the dataset it is: `train` or `test`. */
  readonly part: string;
  readonly width: number;
  readonly height: number;
  /** RGB pixels of an image, `[height, width, 3]`. */
  pixels(index: number): Uint8Array;
}

/** An image inside a larger file. A class, because there are tens of thousands. */
export class PixelExample implements Example {
  constructor(
    private readonly source: PixelFile,
    private readonly index: number,
    readonly label: number,
  ) {}

  get name(): string {
    return `${this.source.part}/${this.index}`;
  }

  get file(): string {
    return this.source.path;
  }

  async read(): Promise<DecodedImage> {
    const { width, height } = this.source;
    return { pixels: this.source.pixels(this.index), width, height };
  }
}
