import type { DatasetDescriptor } from "./descriptor.js";
import { readLines } from "./files.js";

export const dtd: DatasetDescriptor = {
  title: "Describable Textures 1.0.1",
  page: "https://www.robots.ox.ac.uk/~vgg/data/dtd/",
  licence: "research",
  layouts: [
    { title: "CoOp", folder: "dtd", contains: "images" },
    { title: "torchvision", folder: "dtd/dtd", contains: "images" },
  ],
  coopSplit: { file: "split_zhou_DescribableTextures.json", drawn: "all" },
  expected: {
    coop: { classes: 47, train: 2820, validation: 1128, test: 1692 },
    torchvision: { classes: 47, train: 1880, validation: 1880, test: 1880 },
  },
  template: "{} texture.",
  mtil: { template: "a photo of a {} texture." },
  async read(layout) {
    // The first of ten partitions, as torchvision takes it.
    const list = (name: string) => readLines(layout.path("labels", `${name}1.txt`));
    const [train, validation, test] = [await list("train"), await list("val"), await list("test")];
    const texture = (image: string) => image.split("/")[0] as string;
    const classes = [...new Set(train.map(texture))].sort();
    const examples = (images: readonly string[]) =>
      images.map((image) => layout.image(image, classes.indexOf(texture(image))));
    return { classes, train: examples(train), validation: examples(validation), test: examples(test) };
  },
};
