import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import {
  checkDataset,
  checkImages,
  checkSource,
  type Dataset,
  FileExample,
  openFolder,
} from "../../../lib/data/index.js";
import { temporaryFolder, writePicture } from "../images.js";

const root = temporaryFolder();
const picture = (name: string) => writePicture(join(root, name));
const write = (name: string, text: string) => {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), text);
};

beforeEach(() => {
  rmSync(root, { recursive: true });
  mkdirSync(root);
});

const examples = (...names: string[]) => names.map((name) => new FileExample(root, name, 0));
const dataset = (parts: Partial<Dataset>): Dataset => ({
  name: "pets",
  classes: ["cat"],
  templates: ["a photo of a {}."],
  train: [],
  validation: [],
  test: [],
  split: "given",
  ...parts,
});
const none = { count: 0, first: [] };

describe("checkImages", () => {
  test("finds every image", async () => {
    const names = ["a.png", "b.png", "c.png"];
    await Promise.all(names.map(picture));
    const [train, validation, test] = names.map((name) => examples(name));
    const calls: number[][] = [];
    const result = await checkImages(dataset({ train, validation, test }), {
      decode: true,
      onProgress: (...call) => calls.push(call),
    });
    expect(result).toEqual({ missing: none, unreadable: none, usable: true });
    expect(calls).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });

  test("counts all missing files and lists the first five in order", async () => {
    await picture("there.png");
    const names = ["there.png", ...Array.from({ length: 40 }, (_, i) => `${i}.png`)];
    const { missing, unreadable, usable } = await checkImages(dataset({ test: examples(...names) }));
    expect(missing.count).toBe(40);
    expect(missing.first).toEqual(
      [0, 1, 2, 3, 4].map((i) => ({ place: join(root, `${i}.png`), reason: "is not there" })),
    );
    expect([unreadable, usable]).toEqual([none, false]);
  });

  test("empty files and folders are told without decoding, damaged images with it", async () => {
    await picture("good.png");
    write("empty.png", "");
    write("text.png", "not a picture");
    mkdirSync(join(root, "folder.png"));
    const train = examples("good.png", "empty.png", "text.png", "folder.png");
    const looked = await checkImages(dataset({ train }));
    expect(looked.unreadable.first).toEqual([
      { place: join(root, "empty.png"), reason: "is empty" },
      { place: join(root, "folder.png"), reason: "is not a file" },
    ]);
    const decoded = await checkImages(dataset({ train }), { decode: true });
    expect(decoded.unreadable.count).toBe(3);
    expect(decoded.unreadable.first[1]).toEqual({
      place: join(root, "text.png"),
      reason: expect.stringContaining("unsupported image format"),
    });
    expect(decoded).toMatchObject({ missing: none, usable: false });
  });

  test("a run does not need the validation images", async () => {
    await picture("a.png");
    const parts = { train: examples("a.png"), validation: examples("gone.png"), test: examples("a.png") };
    expect(await checkImages(dataset(parts))).toMatchObject({ missing: { count: 1 }, usable: true });
  });

  test("stops when it is told to", async () => {
    const stopped = checkImages(dataset({ test: examples("a.png") }), { signal: AbortSignal.abort() });
    await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("checkDataset", () => {
  const split = (count: number) => {
    const part = [...Array(count).keys()].map((i) => [`striped/striped_${i}.jpg`, 0, "striped"]);
    return JSON.stringify({ train: part, val: [], test: part.slice(0, 1) });
  };

  test("a dataset that is not there", async () => {
    const check = await checkDataset("dtd", { root });
    expect(check).toEqual({
      name: "dtd",
      status: "missing",
      problem: expect.stringContaining(join(root, "dtd/dtd/images")),
    });
  });

  test("one that is complete, with its counts beside the published ones", async () => {
    await picture("dtd/images/striped/striped_0.jpg");
    await picture("dtd/images/striped/striped_1.jpg");
    write("dtd/split_zhou_DescribableTextures.json", split(2));
    const check = await checkDataset("dtd", { root, decode: true });
    expect(check).toMatchObject({
      name: "dtd",
      status: "ready",
      layout: "CoOp",
      folder: join(root, "dtd"),
      split: "given",
      counts: { classes: 1, train: 2, validation: 0, test: 1 },
      expected: { classes: 47, train: 2820, validation: 1128, test: 1692 },
      images: { missing: none, unreadable: none },
    });
    expect(check.problem).toBeUndefined();
    expect(check.warnings).toContain("dtd: expected 2820 training images, got 2.");
  });

  test("a split that names images that are not there", async () => {
    await picture("dtd/images/striped/striped_0.jpg");
    write("dtd/split_zhou_DescribableTextures.json", split(9));
    const check = await checkDataset("dtd", { root });
    expect(check).toMatchObject({ status: "unusable", images: { missing: { count: 8 } } });
    expect(check.images?.missing.first).toHaveLength(5);
  });

  test("one without the split file that was asked for", async () => {
    await picture("dtd/images/striped/striped_0.jpg");
    const check = await checkDataset("dtd", { root });
    expect(check).toMatchObject({ status: "unusable", problem: expect.stringContaining("split file") });
    expect(check.counts).toBeUndefined();
  });

  test("one without test images", async () => {
    await picture("dtd/images/striped/striped_0.jpg");
    write("dtd/split_zhou_DescribableTextures.json", split(1).replace(/"test":.*/, '"test":[]}'));
    const check = await checkDataset("dtd", { root });
    expect(check).toMatchObject({
      status: "unusable",
      problem: expect.stringMatching(/expected test images/),
    });
  });
});

describe("checkSource", () => {
  test("images of one's own", async () => {
    for (const name of ["cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"]) await picture(`shop/${name}`);
    const check = await checkSource("shop", () => openFolder({ name: "shop", root: join(root, "shop") }));
    expect(check).toMatchObject({
      status: "ready",
      counts: { classes: 2, train: 2, validation: 0, test: 2 },
      split: { trainFraction: 0.8, seed: 0 },
      warnings: [],
    });
  });

  test("what cannot be opened says why", async () => {
    const check = await checkSource("shop", () => openFolder({ name: "shop", root: join(root, "none") }));
    expect(check).toEqual({
      name: "shop",
      status: "unusable",
      problem: expect.stringContaining("none, got ENOENT"),
    });
  });
});
