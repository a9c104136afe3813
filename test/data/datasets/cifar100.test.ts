import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { openDataset } from "../../../lib/data/index.js";
import { fixture, inside, listed, plant } from "./tree.js";

/** A record as in the binary version: coarse label, fine label, three planes of one colour each. */
function record(label: number, color: readonly number[]): Buffer {
  return Buffer.concat([Buffer.of(9, label), ...color.map((value) => Buffer.alloc(1024, value))]);
}

const binary = inside("cifar-100-binary", {
  "train.bin": Buffer.concat([record(1, [10, 0, 200]), record(0, [0, 1, 200]), record(2, [20, 2, 200])]),
  "test.bin": record(2, [20, 0, 200]),
  "fine_label_names.txt": "apple\naquarium_fish\nbaby\n",
});
const pickles = { "cifar-100-python": fixture("cifar-100-python") };

describe("cifar100", () => {
  it.each([
    ["torchvision", pickles],
    ["binary version", binary],
  ])("reads the layout of the %s", async (layout, tree) => {
    const dataset = await openDataset("cifar100", { root: await plant(tree) });
    expect(dataset).toMatchObject({ layout, split: "given", templates: ["a photo of a {}."] });
    expect(dataset.classes).toEqual(["apple", "aquarium fish", "baby"]);
    expect(listed(dataset)).toEqual({
      train: ["1 train/0", "0 train/1", "2 train/2"],
      validation: [],
      test: ["2 test/0"],
    });
    expect(dataset.warnings).toEqual([
      "cifar100: expected 100 classes, got 3.",
      "cifar100: expected 50000 training images, got 3.",
      "cifar100: expected 10000 test images, got 1.",
    ]);
    const image = await dataset.train[2]?.read();
    expect(image).toMatchObject({ width: 32, height: 32 });
    expect((image as { pixels: Uint8Array }).pixels).toEqual(
      Uint8Array.from({ length: 3072 }, (_, i) => [20, 2, 200][i % 3] as number),
    );
  });

  it("keeps planes, rows and columns apart", async () => {
    const planes = Uint8Array.from({ length: 3072 }, (_, i) => (i * 7) % 251);
    const file = Buffer.concat([Buffer.of(0, 0), planes]);
    const tree = inside("cifar-100-binary", {
      "train.bin": file,
      "test.bin": file,
      "fine_label_names.txt": "apple",
    });
    const { train } = await openDataset("cifar100", { root: await plant(tree) });
    const { pixels } = (await train[0]!.read()) as { pixels: Uint8Array };
    const [row, column] = [5, 17];
    const at = row * 32 + column;
    expect([...pixels.subarray(3 * at, 3 * at + 3)]).toEqual([
      planes[at],
      planes[1024 + at],
      planes[2048 + at],
    ]);
  });

  it("explains damaged files", async () => {
    const cut = { ...binary, "cifar-100-binary/test.bin": record(2, [0, 0, 0]).subarray(1) };
    await expect(openDataset("cifar100", { root: await plant(cut) })).rejects.toThrow(
      /test\.bin: expected a multiple of 3074 bytes, got 3073/,
    );
    const meta = await readFile(fixture("cifar-100-python/meta"));
    const noImages = inside("cifar-100-python", { meta, train: meta, test: meta });
    await expect(openDataset("cifar100", { root: await plant(noImages) })).rejects.toThrow(
      /train: expected "data" with 3072 bytes for each of "fine_labels", got something else/,
    );
    const noNames = inside("cifar-100-python", { meta: "}." });
    await expect(openDataset("cifar100", { root: await plant({ ...pickles, ...noNames }) })).rejects.toThrow(
      /meta: expected a list "fine_label_names"/,
    );
  });

  it("refuses pickles that name other classes", async () => {
    const root = await plant({ ...pickles, ...inside("cifar-100-python", { train: "cos\nsystem\n." }) });
    await expect(openDataset("cifar100", { root })).rejects.toThrow(/train: .*os\.system/);
  });
});
