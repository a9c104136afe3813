import { describe, expect, it } from "vitest";
import { openDataset } from "../../../lib/data/index.js";
import { coopSplit, images, inside, listed, plant } from "./tree.js";

const folders = [
  "AnnualCrop",
  "Forest",
  "HerbaceousVegetation",
  "Highway",
  "Industrial",
  "Pasture",
  "PermanentCrop",
  "Residential",
  "River",
  "SeaLake",
];
const files = images(
  ...folders.flatMap((folder) => [1, 2, 3, 4, 10].map((i) => `${folder}/${folder}_${i}.jpg`)),
);
const split = coopSplit(
  [
    ["Forest/Forest_2.jpg", 1, "Forest"],
    ["AnnualCrop/AnnualCrop_1.jpg", 0, "Annual Crop Land"],
  ],
  [],
  [["Forest/Forest_10.jpg", 1, "Forest"]],
);

describe("eurosat", () => {
  it.each([
    ["eurosat/2750", "CoOp and torchvision", "2750/"],
    ["eurosat/EuroSAT_RGB", "newer archive", "EuroSAT_RGB/"],
    ["EuroSAT_RGB", "newer archive", ""],
    ["eurosat", "class folders", ""],
  ])("reads CoOp's split for images in %s", async (folder, layout, prefix) => {
    const root = await plant({ ...inside(folder, files), "split_zhou_EuroSAT.json": split });
    const dataset = await openDataset("eurosat", { root });
    expect(dataset.layout).toBe(layout);
    expect(dataset.classes).toEqual(["Annual Crop Land", "Forest"]);
    expect(listed(dataset)).toEqual({
      train: [`1 ${prefix}Forest/Forest_2.jpg`, `0 ${prefix}AnnualCrop/AnnualCrop_1.jpg`],
      validation: [],
      test: [`1 ${prefix}Forest/Forest_10.jpg`],
    });
    expect(dataset.train[0]?.file).toBe(`${root}/${folder}/Forest/Forest_2.jpg`);
  });

  it.each([
    ["eurosat/2750/2750", "2750/2750/"],
    ["EuroSAT/2750/2750", "2750/2750/"],
    ["eurosat/EuroSAT_RGB/EuroSAT_RGB", "EuroSAT_RGB/EuroSAT_RGB/"],
  ])("finds images in a folder that is doubled: %s", async (folder, prefix) => {
    const left = { [`${folder}/../.DS_Store`]: "" };
    const root = await plant({ ...inside(folder, files), ...left, "split_zhou_EuroSAT.json": split });
    const dataset = await openDataset("eurosat", { root });
    expect(listed(dataset).test).toEqual([`1 ${prefix}Forest/Forest_10.jpg`]);
    expect(dataset.train[0]?.file).toBe(`${root}/${folder}/Forest/Forest_2.jpg`);
    const drawn = await openDataset("eurosat", { root, splitSource: "torchvision" });
    expect(drawn.train).toHaveLength(40);
  });

  it("keeps to the outer folder where it has more than one of its name", async () => {
    const root = await plant({
      ...inside("eurosat/2750", files),
      ...inside("eurosat/2750/2750", files),
      "split_zhou_EuroSAT.json": split,
    });
    const dataset = await openDataset("eurosat", { root });
    expect(dataset.train[0]?.file).toBe(`${root}/eurosat/2750/Forest/Forest_2.jpg`);
  });

  it.each([
    ["eurosat/2750", "2750/"],
    ["eurosat/2750/2750", "2750/"],
    ["eurosat/2750", "/home/me/data/eurosat/2750/"],
    ["eurosat/2750", "C:\\data\\eurosat\\2750\\"],
    ["eurosat", "2750/"],
    ["eurosat", "/home/me/data/eurosat/"],
    ["EuroSAT_RGB", "/home/me/data/eurosat/2750/"],
  ])("in %s, reads a split whose paths begin with %s", async (folder, start) => {
    const { train, test } = JSON.parse(split) as Record<string, [string, number, string][]>;
    const led = (items: [string, number, string][] = []) =>
      items.map(([path, label, name]): [string, number, string] => [`${start}${path}`, label, name]);
    const root = await plant({
      ...inside(folder, files),
      "split_zhou_EuroSAT.json": coopSplit(led(train), [], led(test)),
    });
    const dataset = await openDataset("eurosat", { root });
    expect(dataset.train.map(({ file }) => file)).toEqual([
      `${root}/${folder}/Forest/Forest_2.jpg`,
      `${root}/${folder}/AnnualCrop/AnnualCrop_1.jpg`,
    ]);
  });

  it.each(["eurosat/2750", "eurosat"])("draws the split of the MTIL benchmark from %s", async (folder) => {
    const root = await plant(inside(folder, files));
    const dataset = await openDataset("eurosat", { root, splitSource: "torchvision" });
    expect(dataset.classes).toHaveLength(10);
    expect(dataset.classes[9]).toBe("Sea or Lake");
    expect(dataset.split).toEqual({ trainFraction: 0.8, seed: 42 });
    expect([dataset.train.length, dataset.test.length]).toEqual([40, 10]);
    // Positions 7, 9, 22, ... of torch.randperm(50) with seed 42, in sorted order: 1, 10, 2, 3, 4 of each
    // class
    expect(dataset.test.slice(0, 3).map(({ file }) => file.split("/").at(-1))).toEqual([
      "Forest_2.jpg",
      "Forest_4.jpg",
      "Industrial_2.jpg",
    ]);
  });

  it("names classes as each prompt set does", async () => {
    const root = await plant(inside("eurosat/2750", files));
    const options = { root, splitSource: "torchvision" } as const;
    const rail = await openDataset("eurosat", { ...options, promptSet: "rail" });
    expect(rail.templates).toEqual(["a photo of a {}."]);
    expect(rail.classes[1]).toBe("Forest satellite location");
    const mtil = await openDataset("eurosat", { ...options, promptSet: "mtil" });
    expect(mtil.templates).toEqual(["a centered satellite photo of {}."]);
    expect(mtil.classes[2]).toBe("brushland or shrubland");
  });

  it("names a class folder that is empty", async () => {
    const { "2750/River/River_1.jpg": _, ...rest } = inside("2750", files);
    const tree = Object.fromEntries(Object.entries(rest).filter(([path]) => !path.includes("River")));
    const root = await plant(inside("eurosat", { ...tree, "2750/River/readme.txt": "" }));
    await expect(openDataset("eurosat", { root, splitSource: "torchvision" })).rejects.toThrow(
      /2750\/River: expected JPEG images, got none/,
    );
  });
});
