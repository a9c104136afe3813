import { readFileSync } from "node:fs";
import { tensor } from "../../lib/torch/index.js";

type Numbers = number | number[] | number[][] | number[][][];

const read = (name: string) => JSON.parse(readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8"));
const parts = read("baselines.json");

/** Values that `fixtures/make-newer.py` computed in PyTorch. */
// biome-ignore lint/suspicious/noExplicitAny: every part has another shape
export const newer: any = read("newer.json");

/** Values that `fixtures/make-baselines.py` computed in PyTorch for a part. */
// biome-ignore lint/suspicious/noExplicitAny: every part has another shape
export function baseline(part: string): any {
  return parts[part];
}

/** The part's numbers as float32 tensors. */
export function float(values: Numbers) {
  return tensor(values as number[]);
}

/**
 * The images that `make-baselines.py` calls smooth, as an `ImageSet` wants them: `[count, size, size, 3]`.
 */
export function smoothImages(count: number, size: number): Uint8Array {
  const channels = [0, 1, 2];
  const side = Array.from({ length: size }, (_, i) => i);
  return Uint8Array.from(
    Array.from({ length: count }, (_, n) =>
      side.map((y) =>
        side.map((x) => channels.map((c) => (7 * x + 13 * y + 61 * c + 101 * n * (c + 1)) % 256)),
      ),
    ).flat(3),
  );
}
