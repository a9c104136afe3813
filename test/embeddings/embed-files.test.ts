import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { ClipModel } from "../../lib/clip/index.js";
import { loadBatches } from "../../lib/data/index.js";
import { type EmbedOptions, embedFiles } from "../../lib/embeddings/index.js";
import { memoryStatistics, nn, noGrad, scope } from "../../lib/torch/index.js";
import { fixture } from "../clip/fixtures.js";
import { wideClip } from "../clip/wide-clip.js";

const files = ["tall.png", "wide.jpg", "grey.png", "alpha.png"].map((name) => fixture("images", name));

async function vectorsOf(model: ClipModel, options: EmbedOptions): Promise<number[]> {
  const vectors: number[] = [];
  for await (const batch of embedFiles(model, files, { batchSize: 3, ...options }))
    vectors.push(...batch.vectors);
  return vectors;
}

/** Unit vectors by the model itself, its weights as they are. */
async function expectedOf(model: ClipModel): Promise<number[]> {
  const examples = files.map((file) => ({ name: file, label: 0, file, read: () => readFile(file) }));
  const vectors: number[] = [];
  for await (const { images } of loadBatches(examples, model.preprocessing.transform, { batchSize: 4 })) {
    scope(() =>
      noGrad(() => {
        const features = model.encodeImage(model.preprocessing.normalise(images));
        vectors.push(...(nn.functional.normalize(features).toTypedArray() as Float32Array));
      }),
    );
  }
  return vectors;
}

const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))));

test("embeds many images as the model encodes them, with weights packed", async () => {
  const model = wideClip();
  const expected = await expectedOf(model);
  const packed = await vectorsOf(model, { images: 64 });
  expect(packed.length).toBe(4 * model.config.embedDim);
  expect(distance(packed, expected)).toBeLessThan(1e-6); // sums in another order

  model.precision = "bf16";
  const rounded = await expectedOf(model);
  const apart = distance(rounded, expected);
  expect(apart).toBeGreaterThan(1e-6);
  expect(distance(await vectorsOf(model, { images: 64 }), expected)).toBeLessThan(2 * apart);
});

test("gives the memory of packed weights back, also where the loop is left", async () => {
  const model = wideClip();
  model.precision = "bf16";
  await vectorsOf(model, { images: 64 }); // what normalising needs is kept
  const before = memoryStatistics();
  for await (const _ of embedFiles(model, files, { batchSize: 3, images: 64 })) {
    expect(memoryStatistics().liveTensors).toBeGreaterThan(before.liveTensors + 8);
    break;
  }
  expect(memoryStatistics()).toEqual(before);
});
