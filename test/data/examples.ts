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
  /** Those that are done, in that order. */
  readonly finished: number[];
}

/**
 * Waits until everything that was begun is done. What follows on it without waiting for anything else has
 * happened by then.
 */
export async function settled({ applied, finished }: Fill): Promise<void> {
  do await new Promise(setImmediate);
  while (finished.length < applied.length);
}

/** A transform that fills the image with its content; the width is 10 more than the value, the height 10. */
export function fill(delayMs: (value: number) => number = () => 0): Fill {
  const [applied, finished]: number[][] = [[], []];
  return {
    size,
    key: "fill",
    applied,
    finished,
    async apply(content) {
      const value = (content as Uint8Array)[0] as number;
      applied.push(value);
      await new Promise((done) => setTimeout(done, delayMs(value)));
      finished.push(value);
      return { pixels: new Uint8Array(size * size * 3).fill(value), width: value + 10, height: 10 };
    },
  };
}
