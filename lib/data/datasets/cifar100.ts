import { readCifarBinary, readCifarClasses, readCifarPickle } from "./cifar.js";
import type { DatasetDescriptor } from "./descriptor.js";
import { readLines } from "./files.js";

const pickles = { title: "torchvision", folder: "cifar-100-python", contains: "meta" };
const binaries = {
  title: "binary version",
  folder: "cifar-100-binary",
  contains: "fine_label_names.txt",
};

const expected = { classes: 100, train: 50_000, test: 10_000 };

export const cifar100: DatasetDescriptor = {
  title: "CIFAR-100",
  page: "https://www.cs.toronto.edu/~kriz/cifar.html",
  licence: "not stated",
  layouts: [pickles, binaries],
  expected: { coop: expected, torchvision: expected },
  template: "a photo of a {}.",
  async read(found) {
    const isBinary = found.layout === binaries;
    const part = (name: string) =>
      isBinary ? readCifarBinary(found.path(`${name}.bin`), name) : readCifarPickle(found.path(name), name);
    return {
      classes: isBinary
        ? await readLines(found.path("fine_label_names.txt"))
        : await readCifarClasses(found.path("meta")),
      train: await part("train"),
      validation: [],
      test: await part("test"),
    };
  },
};
