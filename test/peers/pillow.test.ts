import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { decodeImage, resizeAndCenterCrop, stretch } from "../../lib/clip/index.js";
import { fromTypedArray, safetensors, scope, type Tensor } from "../../lib/torch/index.js";
import { temporaryDirectory } from "../clip/fixtures.js";
import { needsPeers, runPeer } from "./python.js";

const [count, seed, size] = [126, 7, 96];

describe("images", needsPeers, () => {
  it("are decoded, resized and cropped as Pillow and transformers do, whatever their size and format", async () => {
    const directory = temporaryDirectory();
    const names = (await runPeer("pillow.py", directory, `${count}`, `${seed}`, `${size}`)) as string[];
    const { tensors } = safetensors.load(join(directory, "expected.safetensors"));
    expect(names).toHaveLength(count);
    for (const name of names) {
      const content = readFileSync(join(directory, name));
      const cropped = await resizeAndCenterCrop(size, size).apply(content);
      const stretched = await stretch(size).apply(content);
      const { pixels } = await decodeImage(content);
      expect.soft(largestAndMeanDifference(pixels, tensors.get(`decoded ${name}`)!), name).toEqual([0, 0]);
      const white = await decodeImage(content, { transparency: "white" });
      const [largest] = largestAndMeanDifference(white.pixels, tensors.get(`white ${name}`)!);
      expect.soft(largest, `${name} on white`).toBeLessThanOrEqual(1); // rounded in another way
      // Levels of 255; the kernel's weights have fewer bits than Pillow's.
      for (const [key, result] of Object.entries({ crop: cropped, stretch: stretched })) {
        const [, mean] = largestAndMeanDifference(result.pixels, tensors.get(`${key} ${name}`)!);
        expect.soft(mean, `${key} ${name}`).toBeLessThan(0.2);
      }
    }
    const byHand = [...tensors].filter(([key]) => key.startsWith("by hand "));
    expect(byHand).toHaveLength(15);
    for (const [key, wanted] of byHand) {
      const { pixels } = await decodeImage(readFileSync(join(directory, key.slice("by hand ".length))));
      expect.soft(largestAndMeanDifference(pixels, wanted), key).toEqual([0, 0]);
    }
  });
});

function largestAndMeanDifference(pixels: Uint8Array, expected: Tensor): number[] {
  return scope(() => {
    const difference = fromTypedArray(pixels, expected.shape).float().sub(expected.float()).abs();
    return [difference.max().item() as number, difference.mean().item() as number];
  });
}
