import { describe, expect, it } from "vitest";
import { openDataset } from "../../../lib/data/index.js";
import { fixture, images, inside, listed, plant } from "./tree.js";

const val = images(
  "val/n02119789/ILSVRC2012_val_00000002.JPEG",
  "val/n01440764/ILSVRC2012_val_00000003.JPEG",
  "val/n01440764/ILSVRC2012_val_00000001.JPEG",
);
const train = images("train/n02119789/n02119789_1.JPEG", "train/n01440764/n01440764_18.JPEG");
const names = { "classnames.txt": "n01440764 missile\nn02119789 missile\n" };
const flat = {
  ...images("val/ILSVRC2012_val_00000001.JPEG", "val/ILSVRC2012_val_00000002.JPEG"),
  "ILSVRC2012_devkit_t12/data/meta.mat": fixture("imagenet/meta.mat"),
  "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt": "1\n2\n",
};

describe("imagenet1k", () => {
  it.each([
    ["CoOp", { ...inside("imagenet/images", { ...val, ...train }), ...inside("imagenet", names) }],
    ["torchvision", inside("imagenet", { ...val, ...train, ...names })],
    ["torchvision", { ...val, ...train, ...names }],
  ])("reads folders of WordNet ids in the layout of %s, with equal names", async (layout, tree) => {
    const dataset = await openDataset("imagenet1k", { root: await plant(tree) });
    expect(dataset).toMatchObject({ layout, templates: ["a photo of a {}."] });
    expect(dataset.classes).toEqual(["missile", "missile"]);
    expect(listed(dataset)).toEqual({
      train: ["0 train/n01440764/n01440764_18.JPEG", "1 train/n02119789/n02119789_1.JPEG"],
      validation: [],
      test: [
        "0 val/n01440764/ILSVRC2012_val_00000001.JPEG",
        "0 val/n01440764/ILSVRC2012_val_00000003.JPEG",
        "1 val/n02119789/ILSVRC2012_val_00000002.JPEG",
      ],
    });
    expect(dataset.warnings).toEqual([
      "imagenet1k: expected 1000 classes, got 2.",
      "imagenet1k: expected 50000 test images, got 3.",
    ]);
  });

  it("needs no training images", async () => {
    const root = await plant({ ...inside("imagenet/images", val), ...inside("imagenet", names) });
    expect((await openDataset("imagenet1k", { root })).train).toEqual([]);
  });

  it("maps the ids of the development kit to positions in the sorted WordNet ids", async () => {
    const dataset = await openDataset("imagenet1k", { root: await plant(inside("imagenet", flat)) });
    expect(dataset.classes).toEqual(["tench", "kit fox"]);
    expect(listed(dataset).test).toEqual([
      "1 val/ILSVRC2012_val_00000001.JPEG", // id 1 is n02119789, the second of the sorted ids
      "0 val/ILSVRC2012_val_00000002.JPEG",
    ]);
    expect(dataset.warnings[0]).toMatch(/class names are WordNet's .* published results use CLIP's/);
  });

  it("takes the first name of Kaggle's list, and CLIP's where both are there", async () => {
    const kaggle = {
      "LOC_synset_mapping.txt": "n01440764 tench, Tinca tinca\nn02119789 kit fox, Vulpes macrotis\n",
    };
    const classes = async (tree: object) =>
      (await openDataset("imagenet1k", { root: await plant(inside("imagenet", { ...val, ...tree })) }))
        .classes;
    expect(await classes(kaggle)).toEqual(["tench", "kit fox"]);
    expect(await classes({ ...kaggle, ...names })).toEqual(["missile", "missile"]);
  });

  it("explains what is missing", async () => {
    const open = async (tree: object) =>
      openDataset("imagenet1k", { root: await plant(inside("imagenet", { ...tree })) });
    await expect(open(val)).rejects.toThrow(/expected a list of class names, got none/);
    await expect(open({ ...val, "classnames.txt": "n01440764 tench" })).rejects.toThrow(
      /classnames\.txt: expected a name of n02119789, got none/,
    );
    await expect(open(images("val/ILSVRC2012_val_00000001.JPEG"))).rejects.toThrow(
      /val: expected a folder for each WordNet id \(n01440764, \.\.\.\), got none/,
    );
    await expect(open({ ...flat, ...images("val/ILSVRC2012_val_00000009.JPEG") })).rejects.toThrow(
      /expected the class of ILSVRC2012_val_00000009\.JPEG, got none/,
    );
  });
});
