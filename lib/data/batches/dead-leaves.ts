import { checkOptions } from "../../options/index.js";
import type { ImageSet } from "../loading/image-set.js";
import { imageSetFromArrays } from "../loading/task.js";
import { Random } from "../random.js";

export interface DeadLeavesOptions {
  readonly count: number;
  /** Side, pixels. */
  readonly size: number;
  /** Images with the same seed begin alike, whatever their number. */
  readonly seed: number;
}

/** Discs in an image at most; what they leave open has the colour of the ground. */
const mostDiscs = 1000;

/**
 * Images that show nothing: discs of one colour each that cover each other. Radii are as in photographs, p(r)
 * ∝ r⁻³ from a fortieth to half of the side. "Occlusion Models for Natural Images", Lee, Mumford and Huang,
 * IJCV 2001. arXiv:2106.05963 learns from such images in place of data.
 * @returns images whose labels are all 0
 */
export function deadLeaves(options: DeadLeavesOptions): ImageSet {
  checkOptions(options, { count: true, size: true, seed: true }, "deadLeaves");
  const { count, size, seed } = options;
  const bytes = size * size * 3;
  const images = new Uint8Array(count * bytes);
  for (let i = 0; i < count; i++) {
    drawLeaves(images.subarray(i * bytes, (i + 1) * bytes), size, new Random(`dead leaves/${seed}/${i}`));
  }
  return imageSetFromArrays({ images, labels: new Int32Array(count) }, size);
}

/** Front to back: a pixel keeps the first colour it gets. */
function drawLeaves(image: Uint8Array, size: number, random: Random): void {
  const isCovered = new Uint8Array(size * size);
  const colour = () => [random.integer(256), random.integer(256), random.integer(256)] as const;
  let open = size * size;
  const paint = (pixel: number, rgb: readonly [number, number, number]) => {
    image.set(rgb, 3 * pixel);
    isCovered[pixel] = 1;
    open--;
  };
  const [smallest, largest] = [size / 40, size / 2];
  for (let disc = 0; disc < mostDiscs && open > 0; disc++) {
    const radius = inverseCubeRadius(random.next(), smallest, largest);
    const [x, y] = [random.uniform(0, size), random.uniform(0, size)];
    const rgb = colour();
    const last = (centre: number) => Math.min(size - 1, Math.floor(centre + radius));
    for (let row = Math.max(0, Math.ceil(y - radius)); row <= last(y); row++) {
      for (let column = Math.max(0, Math.ceil(x - radius)); column <= last(x); column++) {
        const pixel = row * size + column;
        const isInside = (column - x) ** 2 + (row - y) ** 2 <= radius ** 2;
        if (isInside && isCovered[pixel] === 0) paint(pixel, rgb);
      }
    }
  }
  const ground = colour();
  for (const [pixel, covered] of isCovered.entries()) if (covered === 0) paint(pixel, ground);
}

/** The radius that a share u of all discs is smaller than, for p(r) ∝ r⁻³. */
function inverseCubeRadius(u: number, smallest: number, largest: number): number {
  return 1 / Math.sqrt(smallest ** -2 - u * (smallest ** -2 - largest ** -2));
}
