import { join } from "node:path";
import { expect, it } from "vitest";
import { openFolder } from "../../../lib/data/index.js";
import { temporaryFolder } from "../images.js";
import { touchIn } from "../touch.js";

const folder = temporaryFolder();

const touch = touchIn(folder);

const open = (root: string, options = {}) =>
  openFolder({ name: "pets", root: join(folder, root), ...options });

const trained = (root: string) =>
  ["cat", "dog"].flatMap((name) => ["1", "2", "3", "4", "5"].map((i) => `${root}/train/${name}/${i}.jpg`));

it("test images without labels are replaced by a draw, which is said", async () => {
  await touch(...trained("kaggle"), "kaggle/test/100.jpg", "kaggle/test/101.jpg");
  for (const options of [{}, { trainFolder: "train" }]) {
    const { classes, train, test, split, warnings } = await open("kaggle", options);
    expect(classes).toEqual(["cat", "dog"]);
    expect([train.length, test.length]).toEqual([8, 2]);
    expect(split).toEqual({ trainFraction: 0.8, seed: 0 });
    expect(warnings).toEqual([
      "test/ has images and no class folders, so no labels: test images are drawn from those for training.",
    ]);
  }
});

it("validation images are tested on rather than a draw", async () => {
  await touch(...trained("valid"), "valid/test/100.jpg", "valid/valid/cat/6.jpg", "valid/valid/dog/6.jpg");
  const { train, test, split, warnings } = await open("valid");
  expect([train.length, test.length, split]).toEqual([10, 2, "given"]);
  expect(warnings).toEqual([
    "There is no folder for tests: the images of valid/ are tested on.",
    "test/ has images and no class folders, so no labels.",
  ]);
});

it("a test folder that is named has to have labels, and the way on works", async () => {
  await touch(...trained("named"), "named/test/100.jpg");
  await expect(open("named", { testFolder: "test" })).rejects.toThrow(
    /expected a folder per class in .*named\/test, got images and no class folders, so no labels\. Leave testFolder out/,
  );
});

it("folders for parts alone are no classes, unless they are chosen", async () => {
  await touch("flat/train/cat.1.jpg", "flat/train/cat.2.jpg", "flat/test/1.jpg", "flat/test/2.jpg");
  await expect(open("flat")).rejects.toThrow(
    /got test\/, train\/ with images and no class folders, so no labels/,
  );
  expect((await open("flat", { classes: ["test", "train"] })).classes).toEqual(["test", "train"]);
});
