import type { DatasetDescriptor } from "./descriptor.js";
import { readLines } from "./files.js";
import type { FoundLayout } from "./layout.js";

export const aircraft: DatasetDescriptor = {
  title: "FGVC-Aircraft 2013b",
  page: "https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/",
  licence: "non-commercial research",
  layouts: [
    { title: "CoOp", folder: "fgvc_aircraft", contains: "images" },
    { title: "torchvision", folder: "fgvc-aircraft-2013b/data", contains: "images" },
  ],
  expected: {
    coop: { classes: 100, train: 3334, validation: 3333, test: 3333 },
    torchvision: { classes: 100, train: 3334, validation: 3333, test: 3333 },
  },
  template: "a photo of a {}, a type of aircraft.",
  async read(layout) {
    const classes = await readLines(layout.path("variants.txt"));
    const labels = new Map(classes.map((name, label) => [name, label]));
    const part = (name: string) => readList(layout, `images_variant_${name}.txt`, labels);
    return { classes, train: await part("train"), validation: await part("val"), test: await part("test") };
  },
};

/** Lines of an image number and a variant, which may hold blanks and slashes. */
async function readList(layout: FoundLayout, list: string, labels: ReadonlyMap<string, number>) {
  const path = layout.path(list);
  return (await readLines(path)).map((line) => {
    const [, image, variant = ""] = /^(\S+) (.*)$/.exec(line) ?? [];
    const label = labels.get(variant);
    if (image !== undefined && label !== undefined) return layout.image(`${image}.jpg`, label);
    throw new Error(
      `${path}: expected an image number and a name of variants.txt, got "${line}". Unpack the archive again.`,
    );
  });
}
