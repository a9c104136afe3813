import { describe, expect, it } from "vitest";
import { openDataset } from "../../../lib/data/index.js";
import { coopSplit, fixture, images, inside, listed, plant } from "./tree.js";

// The fixture has label 1 + 5 i mod 102 for image i, counted from 0.
const files = {
  ...images("jpg/image_00001.jpg"),
  "imagelabels.mat": fixture("flowers/imagelabels.mat"),
  "setid.mat": fixture("flowers/setid.mat"),
};

describe("flowers102", () => {
  it("reads CoOp's split", async () => {
    const split = coopSplit(
      [
        ["image_00003.jpg", 1, "hard-leaved pocket orchid"],
        ["image_00001.jpg", 0, "pink primrose"],
      ],
      [["image_00004.jpg", 0, "pink primrose"]],
      [["image_00002.jpg", 1, "hard-leaved pocket orchid"]],
    );
    const root = await plant(inside("oxford_flowers", { ...files, "split_zhou_OxfordFlowers.json": split }));
    const dataset = await openDataset("flowers102", { root });
    expect(dataset.layout).toBe("CoOp");
    expect(dataset.classes).toEqual(["pink primrose", "hard-leaved pocket orchid"]);
    expect(listed(dataset)).toEqual({
      train: ["1 jpg/image_00003.jpg", "0 jpg/image_00001.jpg"],
      validation: ["0 jpg/image_00004.jpg"],
      test: ["1 jpg/image_00002.jpg"],
    });
  });

  it("reads the official split, labels from 0 on", async () => {
    const root = await plant(inside("flowers-102", files));
    const dataset = await openDataset("flowers102", { root, splitSource: "torchvision" });
    expect(dataset.layout).toBe("torchvision");
    expect(dataset.templates).toEqual(["a photo of a {}, a type of flower."]);
    expect(dataset.classes).toHaveLength(102);
    expect([dataset.classes[0], dataset.classes[101]]).toEqual(["pink primrose", "blackberry lily"]);
    const { train, validation, test } = listed(dataset);
    expect([train.length, validation.length, test.length]).toEqual([102, 102, 102]);
    expect(train.slice(0, 2)).toEqual([
      `${(5 * 305) % 102} jpg/image_00306.jpg`,
      `${(5 * 304) % 102} jpg/image_00305.jpg`,
    ]);
    expect(validation.slice(0, 2)).toEqual(["0 jpg/image_00001.jpg", "5 jpg/image_00002.jpg"]);
    expect(test[0]).toBe("0 jpg/image_00103.jpg");
  });

  it("takes names from cat_to_name.json", async () => {
    const names = Object.fromEntries(
      Array.from({ length: 102 }, (_, i) => [String(i + 1), `flower_${i + 1}`]),
    );
    const tree = inside("oxford_flowers", { ...files, "cat_to_name.json": JSON.stringify(names) });
    const options = { root: await plant(tree), splitSource: "torchvision" } as const;
    expect((await openDataset("flowers102", options)).classes[10]).toBe("flower 11");

    const short = inside("oxford_flowers", { ...files, "cat_to_name.json": '{"1": "rose"}' });
    await expect(openDataset("flowers102", { ...options, root: await plant(short) })).rejects.toThrow(
      /cat_to_name\.json: expected names of "1" to "102", got none of "2"/,
    );
  });
});
