import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { openDataset } from "../../../lib/data/index.js";
import { inside, listed, plant } from "./tree.js";

/** An IDX file of bytes. */
function idx(shape: readonly number[], data: readonly number[]): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(0x800 + shape.length);
  for (const [dim, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * dim);
  return Buffer.concat([header, Buffer.from(data)]);
}

const digits = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0];
const files = {
  "train-images-idx3-ubyte": idx(
    [10, 2, 3],
    digits.flatMap((digit) => [digit, 1, 2, 3, 4, 250]),
  ),
  "train-labels-idx1-ubyte": idx([10], digits),
  "t10k-images-idx3-ubyte": idx([1, 2, 3], [0, 0, 0, 0, 0, 0]),
  "t10k-labels-idx1-ubyte": idx([1], [4]),
};
const compressed = Object.fromEntries(
  Object.entries(files).map(([name, content]) => [`${name}.gz`, gzipSync(content)]),
);

describe("mnist", () => {
  it.each([
    ["MNIST/raw", "torchvision", files],
    ["MNIST/raw", "torchvision", compressed],
    ["mnist", "plain files", compressed],
  ])("reads IDX files in %s (%s)", async (folder, layout, tree) => {
    const dataset = await openDataset("mnist", { root: await plant(inside(folder, tree)) });
    expect(dataset).toMatchObject({ layout, templates: ['a photo of the number: "{}".'] });
    expect(dataset.classes).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    expect(listed(dataset).train.slice(0, 2)).toEqual(["9 train/0", "8 train/1"]);
    expect(listed(dataset).test).toEqual(["4 test/0"]);
    expect(await dataset.train[1]?.read()).toEqual({
      width: 3,
      height: 2,
      pixels: Uint8Array.of(8, 8, 8, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 250, 250, 250),
    });
  });

  it("names digits as each prompt set does", async () => {
    const root = await plant(inside("MNIST/raw", files));
    const names = async (promptSet: "rail" | "mtil") =>
      (await openDataset("mnist", { root, promptSet })).classes[7];
    expect(await names("rail")).toBe('number: "7 - seven"');
    expect(await names("mtil")).toBe("7 - seven");
  });

  it("explains damaged files", async () => {
    const open = async (name: string, content: Uint8Array | string) =>
      openDataset("mnist", { root: await plant(inside("MNIST/raw", { ...files, [name]: content })) });
    await expect(open("train-labels-idx1-ubyte", idx([10, 1], digits))).rejects.toThrow(
      /expected an IDX file with magic number 2049, got 2050/,
    );
    await expect(open("train-labels-idx1-ubyte", "")).rejects.toThrow(/2049, got too few bytes/);
    await expect(open("train-labels-idx1-ubyte", idx([11], digits))).rejects.toThrow(
      /expected 11 bytes for shape \[11\], got 10/,
    );
    await expect(open("t10k-labels-idx1-ubyte", idx([2], [1, 2]))).rejects.toThrow(
      /expected a label for each of 1 images, got 2/,
    );
    await expect(open("t10k-labels-idx1-ubyte", gzipSync(idx([1], [4])).subarray(0, 20))).rejects.toThrow(
      /t10k-labels-idx1-ubyte: expected a gzip file, got an error/,
    );
    await expect(open("t10k-labels-idx1-ubyte", idx([1], [10]))).rejects.toThrow(
      /expected labels from 0 to 9, got 10 for test\/0/,
    );
  });
});
