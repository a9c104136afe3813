import { mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { drawDomain, drawPretrainingPairs, miniatureDomains } from "../../../lib/data/miniature/index.js";

const size = 16;
const bytes = size * size * 3;
const options = { split: "test", perClass: 2, seed: 1, size } as const;

/** Mean absolute difference in grey levels. */
const distance = (a: Uint8Array, b: Uint8Array) =>
  a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? 0)), 0) / a.length;

describe("drawDomain", () => {
  it.each(miniatureDomains.map(({ name, classes }) => [name, classes] as const))(
    "draws labelled images of %s, each one different",
    async (name, classes) => {
      const { images, labels } = await drawDomain(name, options);
      expect(images).toHaveLength(classes.length * 2 * bytes);
      expect([...labels]).toEqual(classes.flatMap((_, label) => [label, label]));
      const each = [...labels].map((_, i) => images.subarray(i * bytes, (i + 1) * bytes));
      each.forEach((image, i) => {
        for (const other of each.slice(i + 1)) expect(distance(image, other)).toBeGreaterThan(1);
      });
    },
  );

  it("draws the same bytes again, and other ones for another seed or split", async () => {
    const { images } = await drawDomain("digits", options);
    expect((await drawDomain("digits", options)).images).toEqual(images);
    expect((await drawDomain("digits", { ...options, seed: 2 })).images).not.toEqual(images);
    expect((await drawDomain("digits", { ...options, split: "train" })).images).not.toEqual(images);
  });

  it("draws few images per class as the first ones of many", async () => {
    const two = await drawDomain("flags", options);
    const one = await drawDomain("flags", { ...options, perClass: 1 });
    one.labels.forEach((label, i) => {
      const first = two.images.subarray(label * 2 * bytes, (label * 2 + 1) * bytes);
      expect(one.images.subarray(i * bytes, (i + 1) * bytes)).toEqual(first);
    });
  });

  it("refuses an unknown domain", async () => {
    await expect(drawDomain("planets", options)).rejects.toThrow('No miniature domain is called "planets"');
  });
});

describe("the cache of drawDomain", () => {
  let cacheDirectory: string;
  beforeEach(async () => {
    cacheDirectory = join(await mkdtemp(join(tmpdir(), "codyra-miniature-")), "images");
  });
  afterEach(() => rm(join(cacheDirectory, ".."), { recursive: true }));

  it("returns what a fresh drawing returns and leaves only finished files", async () => {
    const fresh = await drawDomain("signs", options);
    expect(await drawDomain("signs", { ...options, cacheDirectory })).toEqual(fresh);
    expect(await drawDomain("signs", { ...options, cacheDirectory })).toEqual(fresh);
    const files = await readdir(cacheDirectory);
    expect(files).toHaveLength(1);
    expect(files[0]).toMatch(/^miniature-v\d+-signs-test-2x16px-seed1\.rgb$/);
  });

  it("draws again when a file was cut short", async () => {
    const { images } = await drawDomain("signs", { ...options, cacheDirectory });
    const [file] = await readdir(cacheDirectory);
    await truncate(join(cacheDirectory, file as string), 100);
    expect((await drawDomain("signs", { ...options, cacheDirectory })).images).toEqual(images);
  });
});

describe("drawPretrainingPairs", () => {
  it("pairs images with captions, the same for the same seed", async () => {
    const pairs = await drawPretrainingPairs({ count: 6, seed: 0, size });
    expect(pairs.images).toHaveLength(6 * bytes);
    expect(pairs.captions).toHaveLength(6);
    expect(await drawPretrainingPairs({ count: 6, seed: 0, size })).toEqual(pairs);
    expect((await drawPretrainingPairs({ count: 6, seed: 1, size })).captions).not.toEqual(pairs.captions);
  });

  it("come from the plain mixture unless another one is named", async () => {
    const draw = (mixture?: "plain" | "wide") => drawPretrainingPairs({ mixture, count: 6, seed: 0, size });
    expect(await draw()).toEqual(await draw("plain"));
    expect(await draw("wide")).not.toEqual(await draw("plain"));
  });

  it("come from the cache as they were drawn", async () => {
    const cacheDirectory = await mkdtemp(join(tmpdir(), "codyra-miniature-"));
    onTestFinished(() => rm(cacheDirectory, { recursive: true }));
    const options = { count: 6, seed: 3, size };
    const fresh = await drawPretrainingPairs(options);
    expect(await drawPretrainingPairs({ ...options, cacheDirectory })).toEqual(fresh);
    expect(await drawPretrainingPairs({ ...options, cacheDirectory })).toEqual(fresh);
    await drawPretrainingPairs({ ...options, mixture: "wide", cacheDirectory });
    expect((await readdir(cacheDirectory)).sort()).toEqual([
      expect.stringMatching(/^miniature-v\d+-mixture-6x16px-seed3\.rgb$/),
      expect.stringMatching(/^miniature-v\d+-wide-mixture-6x16px-seed3\.rgb$/),
    ]);
  });
});
