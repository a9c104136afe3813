import * as torch from "../torch/index.js";
import { randomResizedCrop } from "./augment.js";
import type { ImageSet } from "./image-set.js";
import { Random } from "./random.js";

/** Leaves per image: enough to cover nearly all of it. */
const leaves = 64;

/**
 * Images made of nothing but chance: ellipses and rectangles that cover each other, with radii of density r⁻³. Edges and areas are
 * distributed as in photographs, "Occlusion Models for Natural Images", Lee, Mumford and Huang, IJCV 41 (2001).
 * @param size side of the images, pixels
 * @returns uint8 `[count, 3, size, size]`
 */
export function deadLeaves(count: number, size: number, seed: string): torch.Tensor {
  const random = new Random(JSON.stringify(["dead leaves", seed]));
  return torch.scope(() => {
    const drawn = Array.from({ length: count }, () => Array.from({ length: leaves }, () => leaf(random)));
    const background = drawn.map(() => colour(random));
    const parameters = torch.tensor(drawn).permute([1, 2, 0]).contiguous(); // [leaves, 9, count]
    const across = torch.arange(size, { dtype: "float32" }).add(0.5).div(size);
    const [x, y] = [across.view([1, 1, size]), across.view([1, size, 1])];
    const images = torch.tensor(background).view([count, 3, 1, 1]).repeat([1, 1, size, size]);
    for (const ofLeaf of parameters.unbind(0)) {
      torch.scope(() => {
        const [left, top, cos, sin, width, height, round] = ofLeaf
          .narrow(0, 0, 7)
          .view([7, count, 1, 1])
          .unbind(0) as torch.Tensor[] as [
          torch.Tensor,
          torch.Tensor,
          torch.Tensor,
          torch.Tensor,
          torch.Tensor,
          torch.Tensor,
          torch.Tensor,
        ];
        const [dx, dy] = [x.sub(left), y.sub(top)]; // [count, 1, size], [count, size, 1]
        const u = dx.mul(cos).add(dy.mul(sin)).div(width).square_(); // [count, size, size]
        const v = dy.mul(cos).sub(dx.mul(sin)).div(height).square_();
        const isInside = torch.where(round.gt(0.5), u.add(v), u.maximum(v)).lt(1).unsqueeze(1);
        const colours = ofLeaf.narrow(0, 7, 3).t().reshape([count, 3, 1, 1]);
        images.copy_(torch.where(isInside, colours, images));
      });
    }
    return images.to({ dtype: "uint8" });
  });
}

/** Place, direction, half axes, shape and colour of a leaf; lengths are fractions of the image's side. */
function leaf(random: Random): number[] {
  const angle = random.uniform(0, Math.PI);
  const [smallest, largest] = [1 / 32, 1 / 2];
  // Inverse of the distribution function of r⁻³ between both radii.
  const radius = 1 / Math.sqrt(random.uniform(largest ** -2, smallest ** -2));
  const elongation = Math.exp(random.uniform(-0.7, 0.7));
  return [
    random.next(),
    random.next(),
    Math.cos(angle),
    Math.sin(angle),
    radius * elongation,
    radius / elongation,
    random.next(),
    ...colour(random),
  ];
}

function colour(random: Random): number[] {
  return [random.uniform(0, 256), random.uniform(0, 256), random.uniform(0, 256)];
}

/**
 * Images near a dataset's but none of them: small crops, crops with a rectangle of another crop in them ("CutMix", arXiv:1905.04899), and
 * crops in other colours, in turn.
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
