import type { Example } from "../types.js";
import type { DatasetDescriptor } from "./descriptor.js";
import { readIdx } from "./idx.js";
import type { FoundLayout } from "./layout.js";
import { PixelExample } from "./pixel-example.js";

const words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const expected = { classes: 10, train: 60_000, test: 10_000 };

/** torchvision's name of a digit. */
const digitAndWord = (digit: string) => `${digit} - ${words[Number(digit)]}`;

export const mnist: DatasetDescriptor = {
  title: "MNIST",
  page: "https://yann.lecun.com/exdb/mnist/",
  licence: "CC BY-SA 3.0",
  layouts: [
    { title: "torchvision", folder: "MNIST/raw", contains: "." },
    { title: "plain files", folder: "mnist", contains: "." },
  ],
  expected: { coop: expected, torchvision: expected },
  template: 'a photo of the number: "{}".',
  rail: { className: (digit) => `number: "${digitAndWord(digit)}"` },
  mtil: { className: digitAndWord },
  async read(layout) {
    const train = await readPart(layout, "train", "train");
    const test = await readPart(layout, "t10k", "test");
    return { classes: Array.from(words.keys(), String), train, validation: [], test };
  },
};

async function readPart(layout: FoundLayout, prefix: string, part: string): Promise<Example[]> {
  const labels = await readIdx(layout.path(`${prefix}-labels-idx1-ubyte`), 1);
  const { path, shape, data } = await readIdx(layout.path(`${prefix}-images-idx3-ubyte`), 3);
  const [count = 0, height = 0, width = 0] = shape;
  if (labels.data.length !== count) {
    throw new Error(
      `${labels.path}: expected a label for each of ${count} images, got ${labels.data.length}. Download it again.`,
    );
  }
  const size = height * width;
  const pixels = (index: number) => repeatGrey(data.subarray(index * size, (index + 1) * size));
  const source = { path, part, width, height, pixels };
  return Array.from(labels.data, (label, index) => new PixelExample(source, index, label));
}

/** Grey to RGB pixels. */
function repeatGrey(grey: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(3 * grey.length);
  for (const [i, value] of grey.entries()) pixels.fill(value, 3 * i, 3 * i + 3);
  return pixels;
}
