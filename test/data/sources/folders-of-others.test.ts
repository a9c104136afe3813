import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openFolder } from "../../../lib/data/index.js";
import { temporaryFolder } from "../images.js";
import { touchIn } from "../touch.js";

const folder = temporaryFolder();
const touch = touchIn(folder);

const open = (root: string, options = {}) =>
  openFolder({ name: "pets", root: join(folder, root), ...options });

/** Two classes with two images each in every folder. */
const trees = (...roots: string[]) =>
  touch(
    ...roots.flatMap((root) =>
      ["cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg"].map((file) => `${root}/${file}`),
    ),
  );

describe("parts as archives have them", () => {
  it("are doubled, and beside folders that are alike but are none", async () => {
    await trees("intel/seg_train/seg_train", "intel/seg_test/seg_test");
    await touch("intel/seg_pred/seg_pred/1.jpg", "intel/seg_train/README.txt");
    const dataset = await open("intel");
    expect([dataset.split, dataset.classes, dataset.train.length, dataset.test.length]).toEqual([
      "given",
      ["cat", "dog"],
      4,
      4,
    ]);
    expect(dataset.train[0]?.name).toBe("seg_train/seg_train/cat/1.jpg");
    expect(dataset.warnings).toEqual(["Folders that are no part were passed over: seg_pred/."]);
    await trees("twice/train/train", "twice/test/test");
    expect((await open("twice")).test).toHaveLength(4);
    await trees("domains/trainA", "domains/trainB", "domains/testA", "domains/testB");
    const domains = await open("domains");
    expect(domains.test).toHaveLength(8);
    expect(domains.warnings).toEqual([
      "trainA/ and trainB/ are read together.",
      "testA/ and testB/ are read together.",
    ]);
  });

  it("differ in the part alone, in any case and by any word for it", async () => {
    await trees("alike/SEG_Training", "alike/seg-VAL", "alike/segTest", "alike/other_trainset");
    await trees("alike/other tst", "alike/pred");
    const { train, validation, test, warnings } = await open("alike");
    expect([train.length, validation.length, test.length]).toEqual([8, 4, 8]);
    expect(warnings).toEqual([
      "SEG_Training/ and other_trainset/ are read together.",
      "other tst/ and segTest/ are read together.",
      "Folders that are no part were passed over: pred/.",
    ]);
  });

  it("are not doubled where a class is called train", async () => {
    await touch("named/train/train/old/1.jpg", "named/train/train/new/2.jpg", "named/test/train/old/3.jpg");
    expect((await open("named")).classes).toEqual(["train"]);
    await touch("mixed/train/train/old/1.jpg", "mixed/test/train/3.jpg", "mixed/val/train/train/4.jpg");
    expect((await open("mixed")).classes).toEqual(["train"]);
  });

  it("are not guessed where train may be a class beside others", async () => {
    await touch(
      "traffic/car/1.jpg",
      "traffic/bus/1.jpg",
      "traffic/train/fast/1.jpg",
      "traffic/train/slow/1.jpg",
    );
    await expect(open("traffic")).rejects.toThrow(
      /expected a folder at .*traffic\/test, got ENOENT\. .* bus, car, train: name the one to use with testFolder\. To draw test images, give .*traffic\/train as root; if train is a class, list the images as a manifest\./,
    );
  });

  it("are doubled for tests alone, which have no labels", async () => {
    await trees("kaggle/train/train");
    await touch("kaggle/test1/test1/1.jpg");
    const { classes, train, test, warnings } = await open("kaggle");
    expect([classes, train.length, test.length]).toEqual([["cat", "dog"], 2, 2]);
    expect(warnings).toEqual([
      "test1/ has images and no class folders, so no labels: test images are drawn from those for training.",
    ]);
    await trees("valid/train", "valid/test");
    await touch("valid/valid/valid/1.jpg");
    expect((await open("valid")).warnings).toEqual(["Folders that are no part were passed over: valid/."]);
  });

  it("are in a folder in a folder", async () => {
    await trees("packed/pets/pets-v2/train", "packed/pets/pets-v2/test");
    const { train, warnings } = await open("packed");
    expect(train[0]?.file).toBe(join(folder, "packed/pets/pets-v2/train/cat/1.jpg"));
    expect(warnings).toEqual(["The parts are in pets/pets-v2/."]);
  });

  it("are for training alone: tests are drawn, which is said", async () => {
    await trees("alone/train");
    const { train, test, warnings } = await open("alone");
    expect([train.length, test.length]).toEqual([2, 2]);
    expect(warnings).toEqual([
      "There is no folder for tests: test images are drawn from those for training.",
    ]);
    await mkdir(join(folder, "alone/test"));
    expect((await open("alone")).warnings).toEqual([
      ...(warnings ?? []),
      "Folders that are no part were passed over: test/.",
    ]);
  });

  it("have no class folders, but a list", async () => {
    await touch("listed/train/1.jpg", "listed/train/metadata.csv");
    await expect(open("listed")).rejects.toThrow(
      /got train\/ with images and no class folders, so no labels\. Give their list as manifest \(train\/metadata\.csv\)/,
    );
  });

  it("are still packed", async () => {
    await touch("zipped/train.zip");
    await expect(open("zipped")).rejects.toThrow(
      /expected a folder per class in .*, got none\. There is train\.zip: unpack it\./,
    );
  });
});

describe("what lies beside class folders", () => {
  it("is counted if it is an image", async () => {
    await trees("loose/train", "loose/test");
    await touch("loose/train/3.jpg", "loose/test/4.PNG", "loose/test/README.md");
    expect((await open("loose")).warnings).toEqual([
      "2 of 10 files were passed over: images beside class folders (2).",
    ]);
  });

  it("is no class if it is a link to the folder itself", async () => {
    await trees("circle");
    await symlink(".", join(folder, "circle/self"));
    await symlink("..", join(folder, "circle/above"));
    expect((await open("circle")).classes).toEqual(["cat", "dog"]);
  });
});

it("photographs that cannot be decoded are to be converted", async () => {
  await trees("phone");
  await touch("phone/cat/3.HEIC", "phone/dog/notes.txt");
  expect((await open("phone")).warnings).toEqual([
    "2 of 6 files were passed over: .heic (1), .txt (1). Convert .heic to JPEG to use them.",
  ]);
});

it("class folders with the same folders in them are told", async () => {
  await trees("folds/fold1", "folds/fold2");
  expect((await open("folds")).warnings).toContainEqual(
    "Each of the 2 class folders holds the same folders: cat, dog. If these are the classes, list the images as a manifest.",
  );
  await touch("breeds/cat/siamese/1.jpg", "breeds/cat/2.jpg", "breeds/dog/pug/1.jpg", "breeds/dog/2.jpg");
  expect((await open("breeds")).warnings).toEqual([]);
});

it("parts in class folders are not told to be classes", async () => {
  const files = ["cat", "dog"].flatMap((name) => [`inner/${name}/train/1.jpg`, `inner/${name}/test/2.jpg`]);
  await touch(...files);
  expect((await open("inner")).warnings).toEqual([
    "The parts are told by the names of files or folders within the classes.",
  ]);
  await trees("numbered/1/train", "numbered/1/test", "numbered/2/train", "numbered/2/test");
  expect((await open("numbered")).warnings).toContainEqual(
    "Each of the 2 class folders holds the same folders: cat, dog. If these are the classes, list the images as a manifest.",
  );
});
