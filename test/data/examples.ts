import type { ImageTransform } from "../../lib/clip/index.js";
import type { Example } from "../../lib/data/index.js";

/** Side of the images that `fill` makes. */
export const size = 4;

/** An image whose content is one byte, which `fill` makes its colour. */
export function example(value: number, file = import.meta.filename): Example {
  return { name: `${value}`, label: value, file, read: async () => Uint8Array.of(value) };
}

export function examples(count: number): Example[] {
  return Array.from({ length: count }, (_, value) => example(value));
}

/** An image that cannot be read. */
export function missing(name: string): Example {
  const read = () => Promise.reject(new Error("no such file"));
  return { ...example(0), name, file: `/nowhere/${name}`, read };
}

export interface Fill extends ImageTransform {
  /** The contents it was applied to, in that order. */
  readonly applied: number[];
}

/** A transform that fills the image with its content; the width is 10 more than the value, the height 10. */
export function fill(delayMs: (value: number) => number = () => 0): Fill {
  const applied: number[] = [];
  return {
    size,
    key: "fill",
    applied,
    async apply(content) {
      const value = (content as Uint8Array)[0] as number;
      applied.push(value);
      await new Promise((done) => setTimeout(done, delayMs(value)));
      return { pixels: new Uint8Array(size * size * 3).fill(value), width: value + 10, height: 10 };
    },
  };
}
