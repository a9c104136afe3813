import { describe, expect, it } from "vitest";
import { openDataset } from "../../../lib/data/index.js";
import { coopSplit, images, inside, listed, plant } from "./tree.js";

const folders = ["BACKGROUND_Google", "Faces", "Faces_easy", "Leopards", "airplanes", "crocodile_head"];
const files = images(
  ...folders.flatMap((folder) =>
    [1, 2, 3, 4, 5, 6].map((i) => `101_ObjectCategories/${folder}/image_000${i}.jpg`),
  ),
  "101_ObjectCategories/Faces/notes.txt",
);
const splitFile = {
  "split_zhou_Caltech101.json": coopSplit(
    [
      ["crocodile_head/image_0002.jpg", 1, "crocodile_head"],
      ["Faces/image_0003.jpg", 0, "face"],
    ],
    [["Faces/image_0001.jpg", 0, "face"]],
    [["crocodile_head/image_0001.jpg", 1, "crocodile_head"]],
  ),
};

describe("caltech101", () => {
  it.each([
    ["caltech-101", "CoOp"],
    ["caltech101", "RAIL and torchvision"],
  ])("reads CoOp's split in %s", async (folder, layout) => {
    const root = await plant(inside(folder, { ...files, ...splitFile }));
    const dataset = await openDataset("caltech101", { root });
    expect(dataset.layout).toBe(layout);
    expect(dataset.classes).toEqual(["face", "crocodile head"]);
    expect(listed(dataset)).toEqual({
      train: [
        "1 101_ObjectCategories/crocodile_head/image_0002.jpg",
        "0 101_ObjectCategories/Faces/image_0003.jpg",
      ],
      validation: ["0 101_ObjectCategories/Faces/image_0001.jpg"],
      test: ["1 101_ObjectCategories/crocodile_head/image_0001.jpg"],
    });
    expect(dataset.warnings).toContain("caltech101: expected 100 classes, got 2.");
  });

  it("draws the split of the MTIL benchmark from all images but the background", async () => {
    const root = await plant(inside("caltech101", files));
    const dataset = await openDataset("caltech101", {
      root,
      splitSource: "torchvision",
      promptSet: "mtil",
    });
    expect(dataset.classes).toEqual([
      "off-center face",
      "centered face",
      "leopard",
      "airplane",
      "head of a  crocodile",
    ]);
    expect(dataset.split).toEqual({ trainFraction: 0.8, seed: 42 });
    expect([dataset.train.length, dataset.test.length]).toEqual([24, 6]);
    // sorted(torch.randperm(30, generator=torch.Generator().manual_seed(42))[24:])
    const chosen = [...dataset.train, ...dataset.test].map(({ file }) => file).sort();
    expect(dataset.test.map(({ file }) => chosen.indexOf(file))).toEqual([3, 5, 17, 19, 24, 27]);
  });

  it("leaves the close faces out where CoOp's rule draws a split", async () => {
    const root = await plant(inside("caltech-101", files));
    const dataset = await openDataset("caltech101", { root, drawSplit: { seed: 1 } });
    expect(dataset.classes).toEqual(["face", "leopard", "airplane", "crocodile head"]);
    expect(dataset.split).toEqual({ trainFraction: 0.5, seed: 1 });
    const counts = [dataset.train, dataset.validation, dataset.test].map((part) => part.length);
    expect(counts).toEqual([12, 4, 8]); // of 6 images of a class: 3, 1 and 2
  });
});
