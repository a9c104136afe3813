import { describe, expect, it } from "vitest";
import { openDataset } from "../../../lib/data/index.js";
import { coopSplit, images, inside, listed, plant } from "./tree.js";

const files = {
  ...images("images/banded/banded_0002.jpg"),
  "labels/train1.txt": "polka-dotted/polka-dotted_0001.jpg\nbanded/banded_0002.jpg\n",
  "labels/val1.txt": "banded/banded_0004.jpg\n",
  "labels/test1.txt": "polka-dotted/polka-dotted_0009.jpg\n",
  "labels/train2.txt": "banded/banded_0004.jpg\n",
};
const split = coopSplit(
  [
    ["polka-dotted/polka-dotted_0009.jpg", 1, "polka-dotted"],
    ["/banded/banded_0004.jpg", 0, "banded"],
  ],
  [],
  [["banded/banded_0002.jpg", 0, "banded"]],
);

describe("dtd", () => {
  it.each([
    ["dtd", "CoOp", "dtd/split_zhou_DescribableTextures.json"],
    ["dtd/dtd", "torchvision", "dtd/dtd/split_zhou_DescribableTextures.json"],
    ["dtd/dtd", "torchvision", "dtd/split_zhou_DescribableTextures.json"],
    ["dtd", "CoOp", "dtd/data_splits/split_zhou_DescribableTextures.json"],
    ["dtd", "CoOp", "data_splits/split_zhou_DescribableTextures.json"],
    ["dtd", "CoOp", "split_zhou_DescribableTextures.json"],
  ])("reads CoOp's split for images in %s (%s) from %s", async (folder, layout, splitFile) => {
    const root = await plant({ ...inside(folder, files), [splitFile]: split });
    const dataset = await openDataset("dtd", { root });
    expect(dataset).toMatchObject({ layout, split: "given", templates: ["{} texture."] });
    expect(dataset.classes).toEqual(["banded", "polka-dotted"]);
    expect(listed(dataset)).toEqual({
      train: ["1 images/polka-dotted/polka-dotted_0009.jpg", "0 images/banded/banded_0004.jpg"],
      validation: [],
      test: ["0 images/banded/banded_0002.jpg"],
    });
    expect(dataset.train[1]?.file).toBe(`${root}/${folder}/images/banded/banded_0004.jpg`);
  });

  it("reads the first official partition", async () => {
    const root = await plant({ ...inside("dtd/dtd", files), "split_zhou_DescribableTextures.json": split });
    const dataset = await openDataset("dtd", { root, splitSource: "torchvision", promptSet: "mtil" });
    expect(dataset.templates).toEqual(["a photo of a {} texture."]);
    expect(dataset.classes).toEqual(["banded", "polka-dotted"]);
    expect(listed(dataset)).toEqual({
      train: ["1 images/polka-dotted/polka-dotted_0001.jpg", "0 images/banded/banded_0002.jpg"],
      validation: ["0 images/banded/banded_0004.jpg"],
      test: ["1 images/polka-dotted/polka-dotted_0009.jpg"],
    });
    expect(dataset.warnings).toContain("dtd: expected 1880 validation images, got 1.");
  });
});
