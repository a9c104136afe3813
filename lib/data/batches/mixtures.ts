import * as torch from "../../torch/index.js";
import type { ImageSet } from "../loading/image-set.js";
import { Random } from "../random.js";
import { randomResizedCrop } from "./augment.js";

/**
 * Images near a dataset's but none of them. They are small crops, crops with a rectangle of another crop in
 * them ("CutMix", arXiv:1905.04899), and crops in other colours, in turn.
 * @param size side of the results, pixels
 * @returns uint8 `[count, 3, size, size]`, on the device of the images
 */
export function mixtures(images: ImageSet, count: number, size: number, seed: string): torch.Tensor {
  const random = new Random(JSON.stringify(["mixtures", seed]));
  const crops = (scale: readonly [number, number], number: number): torch.Tensor => {
    const indices = Array.from({ length: number }, () => random.integer(images.length));
    const aspectRatios = indices.map((i) => images.aspectRatios[i] as number);
    return randomResizedCrop(images.select(indices).images, aspectRatios, { size, scale }, random);
  };
  const [small, cut] = [Math.ceil(count / 3), Math.ceil((count - 1) / 3)];
  const recoloured = count - small - cut;
  return torch.scope(() => {
    const parts = [
      small > 0 ? [crops([0.05, 0.4], small)] : [],
      cut > 0 ? [cutMix(crops([0.5, 1], cut), crops([0.5, 1], cut), random)] : [],
      recoloured > 0 ? [recolour(crops([0.5, 1], recoloured), random)] : [],
    ];
    return torch.cat(parts.flat()).round_().to({ dtype: "uint8" });
  });
}

/** A rectangle of each second image, of a quarter to three quarters of each side, over the first. */
function cutMix(first: torch.Tensor, second: torch.Tensor, random: Random): torch.Tensor {
  const size = first.size(-1);
  const mixed = first.clone();
  for (let i = 0; i < first.size(0); i++) {
    const [width, height] = [side(size, random), side(size, random)];
    const [left, top] = [random.integer(size - width + 1), random.integer(size - height + 1)];
    const area = (images: torch.Tensor) => images.select(0, i).narrow(1, top, height).narrow(2, left, width);
    area(mixed).copy_(area(second));
  }
  return mixed;
}

function side(size: number, random: Random): number {
  return Math.max(1, Math.round(size * random.uniform(0.25, 0.75)));
}

/** Contrast and brightness of each channel drawn anew, and the channels in another order. */
function recolour(images: torch.Tensor, random: Random): torch.Tensor {
  const { device } = images;
  const perChannel = (low: number, high: number) => {
    const drawn = Array.from({ length: 3 * images.size(0) }, () => random.uniform(low, high));
    return torch.tensor(drawn, { device }).view([-1, 3, 1, 1]);
  };
  const mean = images.mean([2, 3], true);
  const shifted = images.sub(mean).mul(perChannel(0.5, 1.5)).add(mean).add(perChannel(-48, 48));
  const orders = Array.from({ length: images.size(0) }, () => random.choice(channelOrders));
  const order = torch.tensor(orders, { dtype: "int64", device }).view([-1, 3, 1, 1]).expandAs(images);
  return shifted.gather(1, order).clamp_(0, 255);
}

const channelOrders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];
