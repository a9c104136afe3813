import { describe, expect, it } from "vitest";
import { openDataset } from "../../../lib/data/index.js";
import { coopSplit, images, inside, listed, plant } from "./tree.js";

const lists = {
  "ClassName.txt": "/a/airplane_cabin\n/c/church/indoor\n/c/church/outdoor\n",
  "Training_01.txt": "/c/church/outdoor/sun_b.jpg\n/a/airplane_cabin/sun_a.jpg\n/c/church/indoor/sun_c.jpg\n",
  "Testing_01.txt": "/c/church/indoor/sun_d.jpg\n",
};
const folders = ["a/airplane_cabin", "c/church/indoor", "c/church/outdoor"];
const files = images(...folders.flatMap((folder) => [1, 2, 3, 4, 5].map((i) => `${folder}/sun_${i}.jpg`)));
const partition = {
  train: ["2 c/church/outdoor/sun_b.jpg", "0 a/airplane_cabin/sun_a.jpg", "1 c/church/indoor/sun_c.jpg"],
  test: ["1 c/church/indoor/sun_d.jpg"],
};

describe("sun397", () => {
  it.each([
    ["CoOp", { ...inside("sun397/SUN397", files), ...inside("sun397", lists) }, "SUN397/"],
    ["CoOp", inside("sun397/SUN397", { ...files, ...lists }), "SUN397/"],
    ["torchvision", inside("SUN397", { ...files, ...lists }), ""],
  ])("draws CoOp's validation part from the first partition: %s", async (layout, tree, prefix) => {
    const dataset = await openDataset("sun397", { root: await plant(tree), drawSplit: { seed: 3 } });
    expect(dataset.layout).toBe(layout);
    expect(dataset.classes).toEqual(["airplane cabin", "indoor church", "outdoor church"]);
    const withPrefix = (items: string[]) => items.map((item) => item.replace(" ", ` ${prefix}`)).sort();
    const { train, validation, test } = listed(dataset);
    expect([...train, ...validation].sort()).toEqual(withPrefix(partition.train));
    expect(test).toEqual(withPrefix(partition.test));
    expect(dataset.split).toEqual({ trainFraction: 0.8, seed: 3 });
  });

  it("reads CoOp's split, names reversed, and turns them back for MTIL", async () => {
    const split = coopSplit(
      [
        ["a/airplane_cabin/sun_2.jpg", 0, "airplane_cabin"],
        ["c/church/outdoor/sun_1.jpg", 1, "outdoor church"],
      ],
      [],
      [["/c/church/outdoor/sun_2.jpg", 1, "outdoor church"]],
    );
    const root = await plant({ ...inside("sun397/SUN397", files), "sun397/split_zhou_SUN397.json": split });
    const dataset = await openDataset("sun397", { root });
    expect(dataset.classes).toEqual(["airplane cabin", "outdoor church"]);
    expect(listed(dataset)).toEqual({
      train: ["0 SUN397/a/airplane_cabin/sun_2.jpg", "1 SUN397/c/church/outdoor/sun_1.jpg"],
      validation: [],
      test: ["1 SUN397/c/church/outdoor/sun_2.jpg"],
    });
    const mtil = await openDataset("sun397", { root, promptSet: "mtil" });
    expect(mtil.classes).toEqual(["airplane cabin", "church/outdoor"]);
  });

  it("draws from all images, in sorted order, and says that MTIL's split is another one", async () => {
    const root = await plant(inside("SUN397", { ...files, ...lists }));
    const dataset = await openDataset("sun397", { root, splitSource: "torchvision" });
    expect(dataset.classes).toEqual(["airplane cabin", "indoor church", "outdoor church"]);
    expect([dataset.train.length, dataset.test.length]).toEqual([12, 3]);
    expect(dataset.split).toEqual({ trainFraction: 0.8, seed: 42 });
    expect(dataset.warnings[0]).toMatch(/the split is another one/);
    expect(listed(dataset).train).toEqual(listed(dataset).train.toSorted());
  });

  it("names an image of no class", async () => {
    const stray = { ...lists, "Testing_01.txt": "/z/zoo/sun_1.jpg\n" };
    const root = await plant(inside("SUN397", { ...files, ...stray }));
    await expect(openDataset("sun397", { root, drawSplit: { seed: 0 } })).rejects.toThrow(
      /expected labels from 0 to 2, got -1 for z\/zoo\/sun_1\.jpg/,
    );
  });
});
