import { z } from "zod";
import type { DatasetDescriptor } from "./descriptor.js";
import { exists, readJson } from "./files.js";
import { flowerNames } from "./flower-names.js";
import type { FoundLayout } from "./layout.js";
import { type MatlabValue, numbers, readMatlab } from "./matlab.js";

export const flowers102: DatasetDescriptor = {
  title: "Oxford Flowers-102",
  page: "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
  licence: "not stated",
  layouts: [
    { title: "CoOp", folder: "oxford_flowers", contains: "jpg" },
    { title: "torchvision", folder: "flowers-102", contains: "jpg" },
  ],
  coopSplit: { file: "split_zhou_OxfordFlowers.json", drawn: "all" },
  expected: {
    coop: { classes: 102, train: 4093, validation: 1633, test: 2463 },
    torchvision: { classes: 102, train: 1020, validation: 1020, test: 6149 },
  },
  template: "a photo of a {}, a type of flower.",
  async read(layout) {
    const [labelFile, setFile] = [layout.path("imagelabels.mat"), layout.path("setid.mat")];
    const labels = numbers((await readMatlab(labelFile, "labels"))[0], labelFile);
    const [train, validation, test] = await readMatlab(setFile, "trnid", "valid", "tstid");
    const examples = (ids: MatlabValue | undefined) =>
      Array.from(numbers(ids, setFile), (id) => {
        const file = `image_${String(id).padStart(5, "0")}.jpg`;
        return layout.image(file, (labels[id - 1] ?? 0) - 1); // labels and images are counted from 1
      });
    return {
      classes: await readNames(layout),
      train: examples(train),
      validation: examples(validation),
      test: examples(test),
    };
  },
};

const categories = z.record(z.string(), z.string());

async function readNames(layout: FoundLayout): Promise<readonly string[]> {
  const path = layout.path("cat_to_name.json");
  if (!(await exists(path))) return flowerNames;
  const parsed = categories.safeParse(await readJson(path));
  const names = Array.from({ length: flowerNames.length }, (_, label) => parsed.data?.[label + 1]);
  if (names.every((name) => name !== undefined)) return names;
  throw new Error(
    `${path}: expected names of "1" to "${names.length}", got none of "${names.indexOf(undefined) + 1}". Download it again, or remove it.`,
  );
}
