import * as torch from "../../torch/index.js";

/** Part of an image, in fractions of its width and height. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Resizes a box of each image to a square, as Pillow's `Image.resize(box=…, resample=BICUBIC)` does but
 * without rounding to integers. Resampling is linear and separable, so it is two matrix products per image:
 * `Y · image · Xᵀ` with rows of filter weights in Y and X.
 *
 * One image and box give the same pixels in batches of the same shape. In another batch, or on other threads,
 * the products add their terms in another order: then pixels agree within {@link resamplingTolerance}.
 * @param images `[B, C, H, W]`, any dtype, values 0..255
 * @param boxes one per image, `[B]`
 * @returns float32 `[B, C, size, size]`, values 0..255
 */
export function resampleBoxes(images: torch.Tensor, boxes: readonly Box[], size: number): torch.Tensor {
  return torch.scope(() => {
    const [count, , height, width] = images.shape as [number, number, number, number];
    if (boxes.length !== count) {
      throw new RangeError(
        `resampleBoxes: expected one box per image (${count}), got ${boxes.length}. Draw a box for each.`,
      );
    }
    const horizontal = boxes.map((box) => ({ start: box.left * width, length: box.width * width }));
    const vertical = boxes.map((box) => ({ start: box.top * height, length: box.height * height }));
    const x = filterWeights(horizontal, width, size, images.device).unsqueeze(1); // [B, 1, size, W]
    const y = filterWeights(vertical, height, size, images.device).unsqueeze(1); // [B, 1, size, H]
    // The cubic filter overshoots at edges, and Pillow, which keeps bytes between its passes, clips after
    // each.
    const rows = images.float().matmul(x.transpose(2, 3)).clamp_(0, 255); // [B, C, H, size]
    return y.matmul(rows).clamp_(0, 255);
  });
}

/**
 * How far apart two computations of one crop can be, in levels of 0..255: `255 · 2·A·(1 + A)² · k · 2⁻²⁴`, to
 * first order in 2⁻²⁴.
 *
 * Sums of k terms in two orders differ by up to `2·k·2⁻²⁴` times the sum of the terms' sizes. That is at most
 * `A · 255`, where `A = 5/4` is the largest sum of |weights| of a pixel. Weights are divided by their sum,
 * whose order counts as well and brings A times as much. The second pass multiplies the error of the first by
 * A and adds one of its own.
 * @param scale pixels of the box per pixel of the output, on the longer side; k = ⌈4 · max(1, scale)⌉ pixels
 * have a weight other than zero
 */
export function resamplingTolerance(scale: number): number {
  const largestSum = 5 / 4;
  const terms = Math.ceil(4 * Math.max(1, scale));
  return 255 * 2 * largestSum * (1 + largestSum) ** 2 * terms * 2 ** -24;
}

interface Span {
  readonly start: number;
  readonly length: number;
}

/**
 * The weight of each input pixel in each output pixel, for one axis. When shrinking, the filter is widened by
 * the same factor, which is what keeps the result from aliasing.
 * @returns `[B, outputSize, inputSize]`, rows sum to 1
 */
function filterWeights(
  spans: readonly Span[],
  inputSize: number,
  outputSize: number,
  device: torch.Device,
): torch.Tensor {
  const rows = spans.map(({ start, length }) => {
    const scale = length / outputSize;
    return [scale, start, Math.max(scale, 1)];
  });
  const [scale, start, width] = torch.tensor(rows, { device }).view([-1, 3, 1, 1]).unbind(1) as [
    torch.Tensor,
    torch.Tensor,
    torch.Tensor,
  ]; // [B, 1, 1] each, in one copy to the device
  const output = torch.arange(outputSize, { dtype: "float32", device }).add(0.5).view([1, -1, 1]);
  const input = torch.arange(inputSize, { dtype: "float32", device }).add(0.5).view([1, 1, -1]);
  const centers = output.mul(scale).add_(start); // [B, outputSize, 1]
  const weights = cubic(input.sub(centers).div_(width).abs_());
  return weights.div_(weights.sum(2, true));
}

/**
 * Keys' cubic convolution kernel with a = −1/2 (IEEE TASSP 29, 1981), which Pillow uses, of distances ≥ 0.
 */
function cubic(distance: torch.Tensor): torch.Tensor {
  const near = distance.mul(1.5).sub_(2.5).mul_(distance).mul_(distance).add_(1);
  const far = distance.mul(-0.5).add_(2.5).mul_(distance).sub_(4).mul_(distance).add_(2);
  const outside = distance.ge(2);
  return torch.where(distance.lt(1), near, far).maskedFill_(outside, 0);
}
