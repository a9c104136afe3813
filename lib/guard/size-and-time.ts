import type { DualEncoder } from "../clip/index.js";
import * as torch from "../torch/index.js";

/** Bytes of a model's weights. */
export function bytesOf(model: DualEncoder): number {
  return model
    .parameters()
    .reduce((sum, parameter) => sum + parameter.numel() * bytesPerNumber(parameter.dtype), 0);
}

function bytesPerNumber(dtype: torch.DType): number {
  return dtype === "float64" ? 8 : dtype === "float16" || dtype === "bfloat16" ? 2 : 4;
}

/**
 * Milliseconds of 16 images through the image encoder of both models, in turns: the median of five passes
 * after a warm-up.
 */
export function timeImages(first: DualEncoder, second: DualEncoder): [number, number] {
  const times: [number[], number[]] = [[], []];
  for (let pass = 0; pass < 6; pass++) {
    const [a, b] = [timeOnce(first), timeOnce(second)];
    if (pass === 0) continue;
    times[0].push(a);
    times[1].push(b);
  }
  const median = (values: number[]) =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
  return [median(times[0]), median(times[1])];
}

function timeOnce(model: DualEncoder): number {
  const began = performance.now();
  torch.noGrad(() =>
    torch.scope(() => {
      const { imageSize } = model.config.vision;
      const { device, dtype } = model;
      const pixels = torch.zeros([16, 3, imageSize, imageSize], { device, dtype });
      model.encodeImage(pixels).sum().item();
    }),
  );
  return performance.now() - began;
}
