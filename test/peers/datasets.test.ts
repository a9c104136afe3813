import { relative } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { DecodedImage } from "../../lib/clip/index.js";
import { type DatasetId, type Example, openDataset } from "../../lib/data/index.js";
import { images, plant } from "../data/datasets/tree.js";
import { needsPeers, runPeer } from "./python.js";

interface Read {
  readonly classes: readonly string[];
  readonly train: readonly [content: unknown, label: number][];
  readonly test: readonly [content: unknown, label: number][];
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const lines = (...items: string[]) => `${items.join("\n")}\n`;
const eurosat =
  "AnnualCrop Forest HerbaceousVegetation Highway Industrial Pasture PermanentCrop Residential River SeaLake";

/** An IDX file of the bytes 0, 1, 2, ... */
function idx(...shape: number[]): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(0x800 + shape.length);
  for (const [dim, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * dim);
  const length = shape.reduce((product, size) => product * size, 1);
  return Buffer.concat([header, Buffer.from(range(length))]);
}

const tree = {
  ...images(
    "fgvc-aircraft-2013b/data/images/1.jpg",
    "dtd/dtd/images/a.jpg",
    "food-101/images/a.jpg",
    "oxford-iiit-pet/images/a.jpg",
    ...["BACKGROUND_Google", "Faces", "Faces_easy", "accordion", "yin_yang"].flatMap((folder) =>
      range(11).map(
        (i) => `caltech101/101_ObjectCategories/${folder}/image_${String(i + 1).padStart(4, "0")}.jpg`,
      ),
    ),
    ...eurosat
      .split(" ")
      .flatMap((folder) => range(12).map((i) => `eurosat/2750/${folder}/${folder}_${i + 1}.jpg`)),
  ),
  "fgvc-aircraft-2013b/data/variants.txt": lines("707-320", "F-16A/B", "Model B200"),
  "fgvc-aircraft-2013b/data/images_variant_train.txt": lines("3 F-16A/B", "2 Model B200", "1 707-320"),
  "fgvc-aircraft-2013b/data/images_variant_val.txt": lines("5 707-320"),
  "fgvc-aircraft-2013b/data/images_variant_test.txt": lines("4 Model B200"),
  "dtd/dtd/labels/train1.txt": lines("woven/woven_2.jpg", "polka-dotted/polka-dotted_1.jpg"),
  "dtd/dtd/labels/val1.txt": lines("woven/woven_1.jpg"),
  "dtd/dtd/labels/test1.txt": lines("woven/woven_3.jpg", "polka-dotted/polka-dotted_2.jpg"),
  "food-101/meta/train.json": JSON.stringify({
    waffles: ["waffles/2", "waffles/1"],
    apple_pie: ["apple_pie/9"],
  }),
  "food-101/meta/test.json": JSON.stringify({ waffles: ["waffles/3"], apple_pie: ["apple_pie/8"] }),
  "oxford-iiit-pet/annotations/trainval.txt": lines("pug_7 3 2 2", "Maine_Coon_1 2 1 2", "Bengal_2 1 1 1"),
  "oxford-iiit-pet/annotations/test.txt": lines("pug_8 3 2 2", "Maine_Coon_3 2 1 2", "Bengal_5 1 1 1"),
  "MNIST/raw/train-images-idx3-ubyte": idx(10, 2, 3),
  "MNIST/raw/train-labels-idx1-ubyte": idx(10),
  "MNIST/raw/t10k-images-idx3-ubyte": idx(4, 3, 2),
  "MNIST/raw/t10k-labels-idx1-ubyte": idx(4),
};

describe("openDataset agrees with torchvision", needsPeers, () => {
  let root: string;
  let expected: Readonly<Record<string, Read>>;
  beforeAll(async () => {
    root = await plant(tree);
    expected = (await runPeer("datasets.py", root)) as Record<string, Read>;
  });

  /** Paths below the root, or pixels, with labels. */
  const contents = (examples: readonly Example[]) =>
    Promise.all(
      examples.map(async (example) => {
        const isFile = example.file.endsWith(".jpg");
        const content = isFile
          ? relative(root, example.file)
          : [...((await example.read()) as DecodedImage).pixels];
        return [content, example.label];
      }),
    );

  const ids: DatasetId[] = ["aircraft", "caltech101", "dtd", "eurosat", "food101", "mnist", "oxford_pets"];
  it.each(ids)("%s: images, labels and split", async (id) => {
    const dataset = await openDataset(id, { root, splitSource: "torchvision" });
    expect(dataset.classes).toHaveLength(expected[id]!.classes.length);
    expect(await contents(dataset.train)).toEqual(expected[id]!.train);
    expect(await contents(dataset.test)).toEqual(expected[id]!.test);
  });

  const sameNames: DatasetId[] = ["aircraft", "dtd", "food101", "mnist", "oxford_pets"];
  it.each(sameNames)("%s: the class names of MTIL", async (id) => {
    const { classes } = await openDataset(id, { root, splitSource: "torchvision", promptSet: "mtil" });
    // The tokenizer lowers case.
    const readable = expected[id]!.classes.map((name) => name.replaceAll("_", " ").toLowerCase());
    expect(classes.map((name) => name.toLowerCase())).toEqual(readable);
  });
});
