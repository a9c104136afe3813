import { describe, expect, it } from "vitest";
import { openDataset } from "../../../lib/data/index.js";
import { coopSplit, images, inside, listed, plant } from "./tree.js";

const files = inside("food-101", {
  ...images("images/churros/1.jpg"),
  "meta/train.json": JSON.stringify({ churros: ["churros/2", "churros/1"], apple_pie: ["apple_pie/7"] }),
  "meta/test.json": JSON.stringify({ churros: ["churros/3"], apple_pie: ["apple_pie/8"] }),
});

describe("food101", () => {
  it("reads the official lists", async () => {
    const dataset = await openDataset("food101", { root: await plant(files), splitSource: "torchvision" });
    expect(dataset.classes).toEqual(["apple pie", "churros"]);
    expect(dataset.templates).toEqual(["a photo of {}, a type of food."]);
    expect(listed(dataset)).toEqual({
      train: ["1 images/churros/2.jpg", "1 images/churros/1.jpg", "0 images/apple_pie/7.jpg"],
      validation: [],
      test: ["1 images/churros/3.jpg", "0 images/apple_pie/8.jpg"],
    });
  });

  it("reads CoOp's split", async () => {
    const split = coopSplit([["apple_pie/8.jpg", 0, "apple_pie"]], [], [["apple_pie/7.jpg", 0, "apple_pie"]]);
    const root = await plant({ ...files, "food-101/split_zhou_Food101.json": split });
    const dataset = await openDataset("food101", { root, promptSet: "mtil" });
    expect(dataset.classes).toEqual(["apple pie"]);
    expect(dataset.templates).toEqual(["a photo of a {}, a type of food."]);
    expect(listed(dataset)).toMatchObject({
      train: ["0 images/apple_pie/8.jpg"],
      test: ["0 images/apple_pie/7.jpg"],
    });
  });

  it("reads lists with a byte order mark", async () => {
    const list = `\ufeff${files["food-101/meta/test.json"]}`;
    const root = await plant({ ...files, "food-101/meta/test.json": list });
    const { test } = await openDataset("food101", { root, splitSource: "torchvision" });
    expect(test.length).toBeGreaterThan(0);
  });

  it("explains damaged lists", async () => {
    const open = async (list: string) =>
      openDataset("food101", {
        root: await plant({ ...files, "food-101/meta/test.json": list }),
        splitSource: "torchvision",
      });
    await expect(open("[")).rejects.toThrow(/test\.json: expected JSON, got an error/);
    await expect(open('{"churros": 3}')).rejects.toThrow(
      /test\.json: expected a list of images for each class/,
    );
    await expect(open('{"waffles": ["waffles/1"]}')).rejects.toThrow(/expected labels from 0 to 1, got -1/);
    await expect(open('{"churros": ["../../secret"]}')).rejects.toThrow(
      /expected the lists to name images inside of it, got "\.\.\/\.\.\/secret\.jpg"/,
    );
  });
});
