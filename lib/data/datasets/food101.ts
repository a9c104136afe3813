import { z } from "zod";
import type { DatasetDescriptor } from "./descriptor.js";
import { readJson } from "./files.js";
import type { FoundLayout } from "./layout.js";

export const food101: DatasetDescriptor = {
  title: "Food-101",
  page: "https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/",
  licence: "scientific fair use (license_agreement.txt in the archive)",
  layouts: [{ title: "CoOp and torchvision", folder: "food-101", contains: "images" }],
  coopSplit: { file: "split_zhou_Food101.json", drawn: "all" },
  expected: {
    coop: { classes: 101, train: 50_500, validation: 20_200, test: 30_300 },
    torchvision: { classes: 101, train: 75_750, test: 25_250 },
  },
  template: "a photo of {}, a type of food.",
  mtil: { template: "a photo of a {}, a type of food." },
  async read(layout) {
    const [train, test] = [await readList(layout, "train"), await readList(layout, "test")];
    const classes = Object.keys(train).sort();
    const examples = (list: Record<string, string[]>) =>
      Object.entries(list).flatMap(([name, images]) =>
        images.map((image) => layout.image(`${image}.jpg`, classes.indexOf(name))),
      );
    return { classes, train: examples(train), validation: [], test: examples(test) };
  },
};

const lists = z.record(z.string(), z.array(z.string()));

/** Paths of images without extension, by class. */
async function readList(layout: FoundLayout, part: string): Promise<Record<string, string[]>> {
  const path = layout.path("meta", `${part}.json`);
  const parsed = lists.safeParse(await readJson(path));
  if (parsed.success) return parsed.data;
  throw new Error(
    `${path}: expected a list of images for each class, got something else. Unpack the archive again.`,
  );
}
