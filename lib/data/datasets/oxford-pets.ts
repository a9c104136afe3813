import { classNames } from "./class-names.js";
import type { DatasetDescriptor } from "./descriptor.js";
import { readLines } from "./files.js";
import type { FoundLayout } from "./layout.js";

export const oxfordPets: DatasetDescriptor = {
  title: "Oxford-IIIT Pet",
  page: "https://www.robots.ox.ac.uk/~vgg/data/pets/",
  licence: "CC BY-SA 4.0",
  layouts: [
    { title: "CoOp", folder: "oxford_pets", contains: "images" },
    { title: "torchvision", folder: "oxford-iiit-pet", contains: "images" },
  ],
  coopSplit: { file: "split_zhou_OxfordPets.json", drawn: "train" },
  expected: {
    coop: { classes: 37, train: 2944, validation: 736, test: 3669 },
    torchvision: { classes: 37, train: 3680, test: 3669 },
  },
  template: "a photo of a {}, a type of pet.",
  async read(layout) {
    const [train, test] = [await readList(layout, "trainval"), await readList(layout, "test")];
    const examples = (list: readonly Pet[]) =>
      list.map(({ image, label }) => layout.image(`${image}.jpg`, label));
    return {
      classes: classNames(
        layout.path("annotations"),
        train.map(({ label, breed }) => [label, breed]),
      ),
      train: examples(train),
      validation: [],
      test: examples(test),
    };
  },
};

interface Pet {
  readonly image: string;
  readonly label: number;
  readonly breed: string;
}

/** Lines of an image name, the class from 1 on, the species and the breed within it. */
async function readList(layout: FoundLayout, part: string): Promise<Pet[]> {
  const path = layout.path("annotations", `${part}.txt`);
  return (await readLines(path)).map((line) => {
    const [, image, breed, id] = /^((\S+)_\d+) (\d+) \d+ \d+$/.exec(line) ?? [];
    if (image === undefined || breed === undefined) {
      throw new Error(
        `${path}: expected an image name and three numbers, got "${line}". Unpack the archive again.`,
      );
    }
    return { image, label: Number(id) - 1, breed: breed.toLowerCase() };
  });
}
