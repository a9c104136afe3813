import { numpyGlobals, unpickle } from "../../torch/index.js";
import type { Example } from "../types.js";
import { readPart } from "./files.js";
import { isByteArray } from "./numpy.js";
import { PixelExample } from "./pixel-example.js";

const size = 32;
const plane = size * size;
const recordBytes = 2 + 3 * plane; // coarse label, fine label, red, green and blue plane

/**
 * Reads a binary file of CIFAR-100 with its fine labels. Format: www.cs.toronto.edu/~kriz/cifar.html.
 * @param part prefix of the examples' names
 * @throws if it is no whole number of records
 */
export async function readCifarBinary(path: string, part: string): Promise<Example[]> {
  const bytes = await readPart(path);
  if (bytes.length % recordBytes !== 0) {
    throw new Error(
      `${path}: expected a multiple of ${recordBytes} bytes, got ${bytes.length}. Download it again.`,
    );
  }
  const labels = Array.from(
    { length: bytes.length / recordBytes },
    (_, index) => bytes[index * recordBytes + 1] as number,
  );
  return examples(path, part, labels, (index) => bytes.subarray(index * recordBytes + 2));
}

/**
 * Reads a Python pickle of CIFAR-100 with its fine labels.
 * @throws if it holds anything else, or lacks the images or labels
 */
export async function readCifarPickle(path: string, part: string): Promise<Example[]> {
  const content = unpickle(await readPart(path), { globals: numpyGlobals, byteStrings: true, source: path });
  const [images, labels] = [entry(content, "data"), entry(content, "fine_labels")];
  if (!isByteArray(images) || !isLabels(labels) || images.data.length !== labels.length * 3 * plane) {
    throw new Error(
      `${path}: expected "data" with ${3 * plane} bytes for each of "fine_labels", got something else. Download it again.`,
    );
  }
  return examples(path, part, labels, (index) => images.data.subarray(index * 3 * plane));
}

/** @throws if the names are missing */
export async function readCifarClasses(path: string): Promise<string[]> {
  const names = entry(unpickle(await readPart(path), { source: path }), "fine_label_names");
  if (Array.isArray(names) && names.every((name) => typeof name === "string")) return names;
  throw new Error(`${path}: expected a list "fine_label_names", got something else. Download it again.`);
}

function isLabels(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(Number.isInteger);
}

function entry(content: unknown, key: string): unknown {
  return content instanceof Map ? content.get(key) : undefined;
}

/** @param planes gives the colour planes of an image, and possibly what follows them */
function examples(
  path: string,
  part: string,
  labels: readonly number[],
  planes: (index: number) => Uint8Array,
): Example[] {
  const source = {
    path,
    part,
    width: size,
    height: size,
    pixels: (index: number) => interleave(planes(index)),
  };
  return labels.map((label, index) => new PixelExample(source, index, label));
}

/** Three planes to RGB pixels. */
function interleave(planes: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    for (let channel = 0; channel < 3; channel++) {
      pixels[3 * i + channel] = planes[channel * plane + i] as number;
    }
  }
  return pixels;
}
