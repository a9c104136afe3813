import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  type Box,
  Random,
  randomBox,
  randomResizedCrop,
  resampleBoxes,
  resamplingTolerance,
} from "../../../lib/data/index.js";
import * as torch from "../../../lib/torch/index.js";

interface Fixture {
  boxes: [left: number, top: number, right: number, bottom: number][];
  cases: { image: number[][][]; size: number; outputs: number[][][][] }[];
}

const { boxes, cases } = JSON.parse(
  readFileSync(new URL("../fixtures/resample.json", import.meta.url), "utf8"),
) as Fixture;

describe("resampleBoxes", () => {
  it.each(cases)("agrees with Pillow at size $size", ({ image, size, outputs }) => {
    torch.scope(() => {
      const pixels = torch.tensor(image, { dtype: "uint8" }).permute([2, 0, 1]);
      const batch = torch.stack(boxes.map(() => pixels));
      const asBoxes = boxes.map(([left, top, right, bottom]) => ({
        left,
        top,
        width: right - left,
        height: bottom - top,
      }));
      const resampled = resampleBoxes(batch, asBoxes, size);
      const expected = torch.tensor(outputs).permute([0, 3, 1, 2]);
      expect(resampled.shape).toEqual([boxes.length, 3, size, size]);
      const difference = resampled.sub(expected).abs();
      // Pillow rounds to integers after each of its two passes: ½ level each, amplified a little by the
      // filter's negative lobes.
      expect(difference.mean().item()).toBeLessThan(0.5);
      expect(difference.max().item()).toBeLessThan(1.5);
    });
  });

  it("changes nothing when the box is the image and the size its own", () => {
    torch.scope(() => {
      const images = torch
        .arange(0, 2 * 3 * 8 * 8, 1)
        .remainder(256)
        .view([2, 3, 8, 8]);
      const whole: Box = { left: 0, top: 0, width: 1, height: 1 };
      expect(resampleBoxes(images, [whole, whole], 8).sub(images).abs().max().item()).toBeLessThan(1e-3);
    });
  });

  it.each([0.5, 1, 2, 5])("gives the pixels of a box in any batch, %f pixels to one", (scale) => {
    torch.scope(() => {
      const [count, size, crop] = [7, 40, 8]; // small products, which libtorch computes in one way alone and in another in a batch
      const images = torch.randint(256, [count, 3, size, size], {
        dtype: "uint8",
        generator: torch.generator(1),
      });
      const random = new Random("boxes");
      const side = (scale * crop) / size;
      const place = () => random.uniform(0, 1 - side);
      const boxes = Array.from({ length: count }, () => ({
        left: place(),
        top: place(),
        width: side,
        height: side,
      }));
      const together = resampleBoxes(images, boxes, crop);
      for (const [i, box] of boxes.entries()) {
        const alone = resampleBoxes(images.narrow(0, i, 1), [box], crop);
        const difference = alone
          .sub(together.narrow(0, i, 1))
          .abs()
          .max()
          .item();
        expect(difference).toBeLessThan(resamplingTolerance(scale));
      }
      expect(resampleBoxes(images, boxes, crop).equal(together)).toBe(true); // the same shape, the same bits
    });
  });

  it("wants a box for each image", () => {
    expect(() => torch.scope(() => resampleBoxes(torch.zeros([2, 3, 4, 4]), [], 4))).toThrow(
      /one box per image \(2\), got 0/,
    );
  });
});

describe("randomBox", () => {
  const draw = (aspectRatio: number, options = {}, count = 4000) =>
    Array.from({ length: count }, (_, i) => randomBox(aspectRatio, options, new Random(`${i}`)));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

  it.each([0.2, 0.6, 1, 1.4, 5])("stays inside an image of aspect ratio %f", (aspectRatio) => {
    const found = draw(aspectRatio, { scale: [0.3, 1] });
    const shapes = found.map(({ width, height }) => (aspectRatio * width) / height);
    expect(Math.min(...found.flatMap(({ left, top }) => [left, top]))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...found.flatMap((box) => [box.left + box.width, box.top + box.height]))).toBeLessThan(
      1 + 1e-12,
    );
    expect(Math.min(...shapes)).toBeGreaterThan(3 / 4 - 1e-12);
    expect(Math.max(...shapes)).toBeLessThan(4 / 3 + 1e-12);
  });

  it("draws area, shape and place uniformly", () => {
    // Small enough that every box fits at once: nothing is drawn again.
    const found = draw(1, { scale: [0.1, 0.5] });
    expect(mean(found.map(({ width, height }) => width * height))).toBeCloseTo(0.3, 2);
    expect(mean(found.map(({ width, height }) => Math.log(width / height)))).toBeCloseTo(0, 2);
    expect(mean(found.map(({ left, width }) => left / (1 - width)))).toBeCloseTo(0.5, 1);
    expect(mean(found.map(({ top, height }) => top / (1 - height)))).toBeCloseTo(0.5, 1);
  });

  it("centres the largest allowed box when none fits", () => {
    const [wide] = draw(4, {}, 1) as [Box];
    expect(wide).toEqual({ left: expect.closeTo(1 / 3), top: 0, width: expect.closeTo(1 / 3), height: 1 });
    const [tall] = draw(0.25, {}, 1) as [Box];
    expect(tall).toEqual({ left: 0, top: expect.closeTo(1 / 3), width: 1, height: expect.closeTo(1 / 3) });
  });
});

describe("randomResizedCrop", () => {
  it("keeps flat colours, gives floats of the wanted size and repeats with the seed", () => {
    torch.scope(() => {
      const flat = torch.full([2, 3, 16, 16], 77, { dtype: "uint8" });
      const cropped = randomResizedCrop(flat, [1, 2], { size: 14 }, new Random("a"));
      expect(cropped.shape).toEqual([2, 3, 14, 14]);
      expect(cropped.dtype).toBe("float32");
      expect(cropped.sub(77).abs().max().item()).toBeLessThan(1e-3);

      const images = torch.randint(256, [2, 3, 16, 16], { dtype: "uint8" });
      const crop = (key: string) =>
        randomResizedCrop(images, [1, 2], { size: 14, scale: [0.5, 0.8] }, new Random(key));
      expect(crop("a").equal(crop("a"))).toBe(true);
      expect(crop("a").equal(crop("b"))).toBe(false);
    });
  });
});
