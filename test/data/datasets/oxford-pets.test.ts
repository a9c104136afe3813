import { describe, expect, it } from "vitest";
import { openDataset } from "../../../lib/data/index.js";
import { coopSplit, images, inside, listed, plant } from "./tree.js";

const files = {
  ...images("images/Abyssinian_100.jpg", "images/Abyssinian_100.mat"),
  "annotations/trainval.txt": "american_bulldog_12 2 2 1\nAbyssinian_100 1 1 1\nAbyssinian_101 1 1 1\n",
  "annotations/test.txt": "Abyssinian_2 1 1 1\n",
};

describe("oxford_pets", () => {
  it.each([
    ["oxford_pets", "CoOp"],
    ["oxford-iiit-pet", "torchvision"],
  ])("reads the official lists in %s", async (folder, layout) => {
    const root = await plant(inside(folder, files));
    const dataset = await openDataset("oxford_pets", { root, splitSource: "torchvision" });
    expect(dataset.layout).toBe(layout);
    expect(dataset.classes).toEqual(["abyssinian", "american bulldog"]);
    expect(dataset.templates).toEqual(["a photo of a {}, a type of pet."]);
    expect(listed(dataset)).toEqual({
      train: [
        "1 images/american_bulldog_12.jpg",
        "0 images/Abyssinian_100.jpg",
        "0 images/Abyssinian_101.jpg",
      ],
      validation: [],
      test: ["0 images/Abyssinian_2.jpg"],
    });
  });

  it("reads CoOp's split", async () => {
    const split = coopSplit(
      [["Abyssinian_101.jpg", 0, "abyssinian"]],
      [["Abyssinian_100.jpg", 0, "abyssinian"]],
      [["Abyssinian_2.jpg", 0, "abyssinian"]],
    );
    const root = await plant(inside("oxford_pets", { ...files, "split_zhou_OxfordPets.json": split }));
    expect(listed(await openDataset("oxford_pets", { root }))).toEqual({
      train: ["0 images/Abyssinian_101.jpg"],
      validation: ["0 images/Abyssinian_100.jpg"],
      test: ["0 images/Abyssinian_2.jpg"],
    });
  });

  it("explains a line that is wrong", async () => {
    const wrong = { ...files, "annotations/test.txt": "Abyssinian_2\n" };
    const root = await plant(inside("oxford_pets", wrong));
    await expect(openDataset("oxford_pets", { root, splitSource: "torchvision" })).rejects.toThrow(
      /test\.txt: expected an image name and three numbers, got "Abyssinian_2"/,
    );
  });
});
