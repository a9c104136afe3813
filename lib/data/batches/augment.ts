import type * as torch from "../../torch/index.js";
import { Random } from "../random.js";
import { type Box, resampleBoxes } from "./resample.js";

export interface CropOptions {
  /** Side of the output, in pixels. */
  readonly size: number;
  /** Smallest and largest part of the image's area. Default: `[0.9, 1]`, as CoDyRA and RAIL train. */
  readonly scale?: readonly [number, number];
  /** Smallest and largest width over height of the crop, in pixels of the original. Default: `[3/4, 4/3]`. */
  readonly ratio?: readonly [number, number];
}

/**
 * Crops a random box out of each image and resizes it to a square by antialiased bicubic interpolation, all
 * images at once on their device. The boxes are distributed as torchvision's `RandomResizedCrop`, without
 * rounding to whole pixels.
 *
 * They are drawn on the host, so that a seed gives the same boxes on every device and nothing waits for the
 * device.
 * @param images `[B, 3, H, W]`, any dtype, values 0..255; each stretched to H × W whatever its own shape was
 * @param aspectRatios width over height of each image before it was stretched, `[B]`
 * @param random one for all images, which it serves in order, or one for each
 * @returns float32 `[B, 3, size, size]`, values 0..255
 */
export function randomResizedCrop(
  images: torch.Tensor,
  aspectRatios: ArrayLike<number>,
  options: CropOptions,
  random: Random | readonly Random[],
): torch.Tensor {
  return resampleBoxes(images, randomBoxes(aspectRatios, options, random), options.size);
}

/** The boxes of `randomResizedCrop`, in fractions of each image. */
export function randomBoxes(
  aspectRatios: ArrayLike<number>,
  options: Omit<CropOptions, "size">,
  random: Random | readonly Random[],
): Box[] {
  return Array.from(aspectRatios, (aspectRatio, image) =>
    randomBox(aspectRatio, options, random instanceof Random ? random : (random[image] as Random)),
  );
}

/**
 * The middle of each image, as models see it in tests: the largest centred square, resized.
 * @param images `[B, 3, H, W]`, any dtype, values 0..255; each stretched to H × W whatever its own shape was
 * @param aspectRatios width over height of each image before it was stretched, `[B]`
 * @returns float32 `[B, 3, size, size]`, values 0..255
 */
export function centerCrop(
  images: torch.Tensor,
  aspectRatios: ArrayLike<number>,
  size: number,
): torch.Tensor {
  return resampleBoxes(images, centerBoxes(aspectRatios), size);
}

/** The boxes of `centerCrop`, in fractions of each image. */
export function centerBoxes(aspectRatios: ArrayLike<number>): Box[] {
  return Array.from(aspectRatios, (aspectRatio) => {
    const [width, height] = [Math.min(1, 1 / aspectRatio), Math.min(1, aspectRatio)];
    return { left: (1 - width) / 2, top: (1 - height) / 2, width, height };
  });
}

/**
 * Aspect ratios for `centerCrop` as a model's preprocessing sees images: one that squashes them takes all of
 * each.
 */
export function boxRatios(
  aspectRatios: ArrayLike<number>,
  { resize }: { readonly resize: "shortest" | "squash" },
): ArrayLike<number> {
  return resize === "squash" ? Array.from(aspectRatios, () => 1) : aspectRatios;
}

/**
 * A box of random area and shape within an image, in fractions of its width and height. The area is uniform
 * in `scale`, the logarithm of the shape uniform in `ratio`. Boxes that do not fit are drawn again, ten times
 * at most. After that comes the largest centred box whose shape is within `ratio`.
 */
export function randomBox(aspectRatio: number, options: Omit<CropOptions, "size">, random: Random): Box {
  const { scale = [0.9, 1], ratio = [3 / 4, 4 / 3] } = options;
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = random.uniform(...scale);
    const shape = Math.exp(random.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
    const width = Math.sqrt((area * shape) / aspectRatio);
    const height = Math.sqrt((area * aspectRatio) / shape);
    if (width <= 1 && height <= 1) {
      return { left: random.uniform(0, 1 - width), top: random.uniform(0, 1 - height), width, height };
    }
  }
  const width = Math.min(1, ratio[1] / aspectRatio);
  const height = Math.min(1, aspectRatio / ratio[0]);
  return { left: (1 - width) / 2, top: (1 - height) / 2, width, height };
}
