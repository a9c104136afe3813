import { describe, expect, it } from "vitest";
import { openDataset } from "../../../lib/data/index.js";
import { coopSplit, fixture, images, inside as insideOf, listed, plant } from "./tree.js";

const labels = {
  "devkit/cars_meta.mat": fixture("cars/cars_meta.mat"),
  "devkit/cars_train_annos.mat": fixture("cars/cars_train_annos.mat"),
  "cars_test_annos_withlabels.mat": fixture("cars/cars_test_annos_withlabels.mat"),
};
const usual = images("cars_train/00001.jpg", "cars_test/00001.jpg");
const doubled = images("cars_train/cars_train/00001.jpg", "cars_test/cars_test/00001.jpg");
const split = {
  "split_zhou_StanfordCars.json": coopSplit(
    [
      ["cars_train/00003.jpg", 1, "2012 Ram C/V Cargo Van Minivan"],
      ["cars_train/00002.jpg", 0, "2012 Audi TT RS Coupe"],
    ],
    [],
    [["cars_test/00001.jpg", 0, "2012 Audi TT RS Coupe"]],
  ),
};

describe("stanford_cars", () => {
  it.each([
    ["CoOp and torchvision", usual, "cars_train/", "cars_test/"],
    ["doubled folders", doubled, "cars_train/cars_train/", "cars_test/cars_test/"],
  ])("reads the MATLAB files and CoOp's split: %s", async (layout, folders, train, test) => {
    const root = await plant(insideOf("stanford_cars", { ...folders, ...labels, ...split }));
    const official = await openDataset("stanford_cars", { root, splitSource: "torchvision" });
    expect(official.layout).toBe(layout);
    expect(official.classes).toEqual(["2012 Audi TT RS Coupe", "2012 Ram C/V Cargo Van Minivan"]);
    expect(listed(official)).toEqual({
      train: [`1 ${train}00001.jpg`, `0 ${train}00002.jpg`, `1 ${train}00003.jpg`],
      validation: [],
      test: [`0 ${test}00001.jpg`, `1 ${test}00002.jpg`],
    });
    const coop = await openDataset("stanford_cars", { root });
    expect(coop.classes).toEqual(official.classes);
    expect(listed(coop)).toEqual({
      train: [`1 ${train}00003.jpg`, `0 ${train}00002.jpg`],
      validation: [],
      test: [`0 ${test}00001.jpg`],
    });
  });

  it.each(["", "car_data/car_data/"])("reads mirrors with a folder for each class: %s", async (inside) => {
    const names = ["Audi TT RS Coupe 2012", "Ram C-V Cargo Van Minivan 2012"];
    const files = names.flatMap((name, i) => [`train/${name}/0000${i}.jpg`, `test/${name}/0001${i}.jpg`]);
    const root = await plant(
      insideOf("stanford_cars", { ...images(...files.map((file) => inside + file)), ...split }),
    );
    const dataset = await openDataset("stanford_cars", { root, splitSource: "torchvision" });
    expect(dataset).toMatchObject({
      layout: "class folders",
      classes: ["2012 Audi TT RS Coupe", "2012 Ram C/V Cargo Van Minivan"],
    });
    expect(listed(dataset)).toEqual({
      train: [`0 ${inside}train/${names[0]}/00000.jpg`, `1 ${inside}train/${names[1]}/00001.jpg`],
      validation: [],
      test: [`0 ${inside}test/${names[0]}/00010.jpg`, `1 ${inside}test/${names[1]}/00011.jpg`],
    });
    await expect(openDataset("stanford_cars", { root })).rejects.toThrow(
      /expected a layout that CoOp's split file fits, got class folders.*split source "torchvision"/s,
    );
  });

  it("keeps the year last in the prompts of MTIL", async () => {
    const root = await plant(insideOf("stanford_cars", { ...usual, ...labels, ...split }));
    for (const splitSource of ["coop", "torchvision"] as const) {
      const dataset = await openDataset("stanford_cars", { root, splitSource, promptSet: "mtil" });
      expect(dataset.classes).toEqual(["Audi TT RS Coupe 2012", "Ram C/V Cargo Van Minivan 2012"]);
      expect(dataset.templates).toEqual(["a photo of a {}, a type of car."]);
    }
  });
});
