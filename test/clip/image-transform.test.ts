import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type DecodedImage,
  loadModel,
  Preprocessing,
  resizeAndCenterCrop,
  stretch,
} from "../../lib/clip/index.js";
import { fromTypedArray, scope } from "../../lib/torch/index.js";
import { expected, fixture } from "./fixtures.js";

const sizes = fixture("images", "sizes");
const reference = expected(join("images", "sizes"));
const miniature = loadModel(join(import.meta.dirname, "../../assets/miniature-clip"));
const [crop, squeeze] = [resizeAndCenterCrop(48, 48), stretch(96)];
const images = new Map<string, () => Uint8Array | DecodedImage>([
  ...readdirSync(sizes)
    .filter((name) => !name.endsWith(".safetensors"))
    .map((name) => [name, () => readFileSync(join(sizes, name))] as const),
  ["huge", huge],
]);

/** The image that make.py calls huge. */
function huge(): DecodedImage {
  const [width, height] = [4096, 3001];
  const pixels = new Uint8Array(3 * width * height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      pixels[i++] = (x * x + y * y) >> 11;
      pixels[i++] = (x >> 2) ^ (y >> 2);
      pixels[i++] = x * 3 + y * 5;
    }
  }
  return { pixels, width, height };
}

function meanDifference(pixels: Uint8Array, wanted: Uint8Array): number {
  expect(pixels.length).toBe(wanted.length);
  return pixels.reduce((sum, value, i) => sum + Math.abs(value - wanted[i]!), 0) / pixels.length;
}

// Levels of 255. The kernel's weights have 15 bits, Pillow's 22: now and then a value is rounded the other
// way.
const tolerance = 0.1;

describe.each([...images])("the transforms of %s", (name, image) => {
  it("agree with Pillow", async () => {
    for (const [key, { apply }] of Object.entries({ crop, stretch: squeeze })) {
      const { pixels } = await apply(image());
      const wanted = reference(`${key} ${name}`).toTypedArray() as Uint8Array;
      expect(meanDifference(pixels, wanted), key).toBeLessThan(tolerance);
    }
  });

  it("let the miniature CLIP see what it sees after Pillow", async () => {
    const { pixels } = await crop.apply(image());
    scope(() => {
      const preprocessing = Preprocessing.openai(48);
      const seen = fromTypedArray(pixels, [48, 48, 3]).unsqueeze(0);
      const [ours, pillows] = [seen, reference(`crop ${name}`).unsqueeze(0)].map((batch) => {
        const features = miniature.encodeImage(preprocessing.normalise(batch.permute([0, 3, 1, 2])));
        return features.div(features.norm());
      });
      expect(1 - (ours!.mul(pillows!).sum().item() as number)).toBeLessThan(1e-3);
    });
  });
});

describe("an image transform", () => {
  it("tells the size of the image before", async () => {
    const { pixels, width, height } = await crop.apply(readFileSync(join(sizes, "tiny.png")));
    expect([pixels.length, width, height]).toEqual([48 * 48 * 3, 20, 31]);
  });

  it("turns images upright if asked, and has another key then", async () => {
    const turned = readFileSync(fixture("images", "modes", "orientation-6.jpg"));
    const [asStored, upright] = [stretch(8), stretch(8, { orient: true })];
    expect(await asStored.apply(turned)).toMatchObject({ width: 23, height: 17 });
    expect(await upright.apply(turned)).toMatchObject({ width: 17, height: 23 });
    expect(new Set([asStored.key, upright.key, crop.key, resizeAndCenterCrop(48, 40).key]).size).toBe(4);
  });

  it("lets other events in while it resizes large images", async () => {
    const image = huge();
    let turns = 0;
    let next = setImmediate(function turn() {
      turns++;
      next = setImmediate(turn);
    });
    // More than libuv has threads: however busy the machine is, this thread gets its turn before the last one
    // is done.
    await Promise.all(Array.from({ length: 6 }, () => crop.apply(image)));
    clearImmediate(next);
    expect(turns).toBeGreaterThan(0);
  });

  it("refuses an image so elongated that resizing would need gigabytes", async () => {
    const image = { pixels: new Uint8Array(3 * 60_000), width: 60_000, height: 1 };
    await expect(resizeAndCenterCrop(224, 224).apply(image)).rejects.toThrow(
      "Image of 60000 × 1 pixels: expected at most 67108864 pixels after resizing, got 13440000 × 224. Crop it, or leave it out.",
    );
  });
});
