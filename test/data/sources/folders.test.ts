import { mkdir, symlink } from "node:fs/promises";
import { join, relative } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { openFolder } from "../../../lib/data/index.js";
import { temporaryFolder } from "../images.js";
import { touchIn } from "../touch.js";

const folder = temporaryFolder();

const touch = touchIn(folder);

const open = (root: string, options = {}) =>
  openFolder({ name: "pets", root: join(folder, root), ...options });

describe("openFolder with train and test folders", () => {
  beforeAll(async () => {
    for (const part of ["train", "test"]) {
      await touch(
        `given/${part}/maine_coon/b.jpg`,
        `given/${part}/maine_coon/a.PNG`,
        `given/${part}/beagle/1.webp`,
      );
    }
    await touch("given/train/beagle/.hidden.jpg", "given/train/beagle/notes.txt", "given/train/.cache/x.jpg");
    await touch("given/readme.md", "given/train/beagle/0.jpeg");
    await mkdir(join(folder, "given/train/beagle/nested.jpg"));
  });

  it("finds sorted classes and images and passes over everything else", async () => {
    const dataset = await open("given");
    expect(dataset.classes).toEqual(["beagle", "maine coon"]);
    expect(dataset.templates).toEqual(["a photo of a {}."]);
    expect(dataset.split).toBe("given");
    const found = dataset.train.map(({ file, label }) => `${label} ${relative(folder, file)}`);
    expect(found).toEqual([
      "0 given/train/beagle/0.jpeg",
      "0 given/train/beagle/1.webp",
      "1 given/train/maine_coon/a.PNG",
      "1 given/train/maine_coon/b.jpg",
    ]);
    expect(dataset.test).toHaveLength(3);
  });

  it("takes a list of folders as choice and order", async () => {
    const dataset = await open("given", { classes: ["maine_coon"], templates: ["a {}, a cat.", "my {}."] });
    expect(dataset.classes).toEqual(["maine coon"]);
    expect(dataset.train.map(({ label }) => label)).toEqual([0, 0]);
    expect(dataset.templates).toEqual(["a {}, a cat.", "my {}."]);
  });

  it("takes names from a record", async () => {
    const dataset = await open("given", { classes: { maine_coon: "Maine Coon cat", beagle: "beagle" } });
    expect(dataset.classes).toEqual(["Maine Coon cat", "beagle"]);
    expect(dataset.train[0]?.file).toContain("maine_coon");
  });

  it("follows links", async () => {
    await mkdir(join(folder, "linked"));
    for (const part of ["train", "test"])
      await symlink(join(folder, "given", part), join(folder, "linked", part));
    expect((await open("linked")).train).toHaveLength(4);
  });

  it("takes other names of the two parts", async () => {
    await touch("renamed/fit/cat/1.jpg", "renamed/val/cat/2.jpg");
    const dataset = await open("renamed", { trainFolder: "fit", testFolder: "val" });
    expect(dataset.test[0]?.file).toContain(join("val", "cat", "2.jpg"));
  });

  it("keeps a val or validation folder apart", async () => {
    await touch(
      "parts/train/cat/1.jpg",
      "parts/val/cat/2.jpg",
      "parts/validation/cat/3.jpg",
      "parts/test/cat/4.jpg",
    );
    const validation = async (options = {}) =>
      (await open("parts", options)).validation.map(({ name }) => name);
    expect(await validation()).toEqual(["val/cat/2.jpg"]);
    expect(await validation({ testFolder: "val" })).toEqual(["validation/cat/3.jpg"]);
    expect(await validation({ validationFolder: "test", testFolder: "val" })).toEqual(["test/cat/4.jpg"]);
    expect((await open("given")).validation).toEqual([]);
  });

  it("refuses a class that is only in the validation folder", async () => {
    await touch("stray/train/cat/1.jpg", "stray/test/cat/2.jpg", "stray/val/owl/3.jpg");
    await expect(open("stray")).rejects.toThrow(/no training images of: owl; no test images of: owl/);
    expect((await open("stray", { classes: ["cat"] })).validation).toEqual([]);
  });

  it("explains what is wrong", async () => {
    await touch("one/test/cat/1.jpg", "differ/train/cat/1.jpg", "differ/test/dog/1.jpg");
    await touch("same/train/sea_horse/1.jpg", "same/train/Sea horse/1.jpg", "empty/train/cat/1.txt");
    await touch("same/test/sea_horse/1.jpg", "same/test/Sea horse/1.jpg", "empty/test/cat/1.jpg");
    await expect(open("absent")).rejects.toThrow(/pets: expected a folder at .*absent, got ENOENT/);
    await expect(open("one")).rejects.toThrow(/expected a folder at .*one\/train, got ENOENT/);
    await expect(open("differ")).rejects.toThrow(/no training images of: dog; no test images of: cat/);
    await expect(open("same")).rejects.toThrow(
      /different name for each class, got "Sea horse" and "sea horse"/,
    );
    await expect(open("empty")).rejects.toThrow(
      /Class "cat" of pets: expected images .* in .*empty\/train\/cat, got none/,
    );
    await expect(open("given", { classes: ["poodle"] })).rejects.toThrow(
      /Classes of pets: expected labels of the data \(beagle, maine_coon\), got poodle/,
    );
    await expect(open("given", { templates: "a photo" })).rejects.toThrow(/got "a photo"\. Write \{\}/);
    await expect(open("given", { trainFolder: "fit" })).rejects.toThrow(/given\/fit, got ENOENT/);
  });
});

describe("openFolder without train and test folders", () => {
  const numbers = Array.from({ length: 10 }, (_, i) => i);
  beforeAll(async () => {
    await touch(
      ...numbers.flatMap((i) => [`flat/cat/${i}.jpg`, `flat/train/${i}.jpg`]),
      "flat/owl/1.jpg",
      "flat/owl/2.jpg",
    );
  });

  it("splits every class by the seed", async () => {
    const paths = async (seed: number) =>
      (await open("flat", { split: { seed } })).train.map(({ file }) => file);
    expect(await paths(1)).toEqual(await paths(1));
    expect(await paths(1)).not.toEqual(await paths(2));
  });

  it("records the split, and gives each part its share of each class", async () => {
    const { train, test, classes, split } = await open("flat", { split: { trainFraction: 0.7 } });
    const count = (part: typeof train) =>
      classes.map((_, label) => part.filter((e) => e.label === label).length);
    expect(classes).toEqual(["cat", "owl", "train"]); // a class may be called train
    expect(count(train)).toEqual([7, 1, 7]);
    expect(count(test)).toEqual([3, 1, 3]);
    expect(new Set([...train, ...test].map(({ file }) => file)).size).toBe(22);
    expect(split).toEqual({ trainFraction: 0.7, seed: 0 });
  });

  it("explains what is wrong", async () => {
    await touch("single/cat/1.jpg");
    await mkdir(join(folder, "bare"));
    await expect(open("single")).rejects.toThrow(/"cat" of pets: expected at least 2 images .* got 1/);
    await expect(open("bare")).rejects.toThrow(/expected a folder per class in .*bare, got none/);
    await expect(open("flat", { split: { trainFraction: 80 } })).rejects.toThrow(/between 0 and 1, got 80/);
  });
});
