import { copyFile, cp, open, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../../lib/clip/index.js";
import { type Example, openParquet, type ParquetOptions } from "../../../lib/data/index.js";
import { temporaryFolder } from "../images.js";

const fixtures = join(import.meta.dirname, "../fixtures/parquet"); // written by make-parquet.py
const folder = temporaryFolder();

const openAt = (path: string, options: Partial<ParquetOptions> = {}) =>
  openParquet({ name: "pets", parquet: join(fixtures, path), ...options });

/** The fixtures' images have one colour each, whose red is the number of the image. */
async function red(example: Example | undefined): Promise<number | undefined> {
  const { pixels } = await decodeImage((await example?.read()) as Uint8Array);
  return pixels[0];
}

/** Destroys the images of the first row group of a file, not its labels. */
async function damage(file: string): Promise<void> {
  const handle = await open(file, "r+");
  await handle.write(Buffer.alloc(40), 0, 40, 4); // the first page follows the magic
  await handle.close();
}

describe("openParquet of a hub export", () => {
  it("takes parts from file names and class names from the metadata, in the declared order", async () => {
    const dataset = await openAt("hub");
    expect(dataset.classes).toEqual(["maine coon", "beagle"]);
    expect(dataset.split).toBe("given");
    expect(dataset.train.map(({ name, label }) => `${name} ${label}`)).toEqual([
      "train-00000-of-00002.parquet#0 1",
      "train-00000-of-00002.parquet#1 0",
      "train-00000-of-00002.parquet#2 1",
      "train-00000-of-00002.parquet#3 0",
      "train-00000-of-00002.parquet#4 0",
      "train-00001-of-00002.parquet#0 0",
      "train-00001-of-00002.parquet#1 1",
    ]);
    expect([dataset.validation.length, dataset.test.length]).toEqual([1, 2]);
    expect(dataset.test[0]?.file).toBe(join(fixtures, "hub/data/test-00000-of-00001.parquet"));
  });

  it("reads the image of each row, in any order and at once", async () => {
    const { train, validation, test } = await openAt("hub", { cacheBytes: 100 });
    const images = [...train, ...validation, ...test];
    expect(await Promise.all(images.map(red))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await Promise.all(images.toReversed().map(red))).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  });

  it("chooses and renames classes by their declared names", async () => {
    const dataset = await openAt("hub", { classes: { beagle: "a hound" } });
    expect(dataset.classes).toEqual(["a hound"]);
    expect(await Promise.all(dataset.train.map(red))).toEqual([0, 2, 6]);
  });

  it("reads no image when it opens, and each row group once", async () => {
    const copy = join(folder, "once");
    await cp(join(fixtures, "hub"), copy, { recursive: true });
    const { train } = await openParquet({ name: "pets", parquet: copy });
    expect(await Promise.all([red(train[0]), red(train[0])])).toEqual([0, 0]);
    await damage(train[0]?.file as string);
    expect(await red(train[1])).toBe(1); // of the group in memory
    const reopened = await openParquet({ name: "pets", parquet: copy });
    expect(reopened.train).toHaveLength(7);
    await expect(reopened.train[0]?.read()).rejects.toThrow(
      /train-00000.*: expected a complete Parquet file/,
    );
    expect(await red(reopened.train[2])).toBe(2);
  });
});

describe("openParquet of other files", () => {
  it.each(["none", "snappy", "gzip", "brotli", "lz4", "zstd"])("reads %s compression", async (codec) => {
    const options = { imageColumn: "photo", labelColumn: "kind" };
    const { classes, train, test, split } = await openAt(`codecs/${codec}.parquet`, options);
    expect(classes).toEqual(["fox", "owl"]);
    expect(split).toEqual({ trainFraction: 0.8, seed: 0 });
    const images = [...train, ...test].sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(images.map(({ label }) => label)).toEqual([1, 0, 1, 0]);
    expect(await Promise.all(images.map(red))).toEqual([0, 1, 2, 3]);
  });

  it("orders integers without names by value, and names them on request", async () => {
    expect((await openAt("integers.parquet")).classes).toEqual(["9", "10"]);
    expect((await openAt("integers.parquet", { classes: { 9: "nine", 10: "ten" } })).classes).toEqual([
      "nine",
      "ten",
    ]);
  });
});

describe("openParquet of what does not fit", () => {
  it("names file and row", async () => {
    await expect(openAt("unlabelled.parquet")).rejects.toThrow(
      /unlabelled\.parquet, row 1: expected a label, 0 to 1, got -1\. Write the file without such rows/,
    );
    const { train } = await openAt("paths.parquet");
    await expect(train[0]?.read()).rejects.toThrow(
      /paths\.parquet, row \d: expected the bytes of an image in image, got none/,
    );
  });

  it("names the columns that are there", async () => {
    await expect(openAt("codecs/none.parquet")).rejects.toThrow(
      /expected a column image with image bytes \(imageColumn\) and label with labels \(labelColumn\), got photo \(BYTE_ARRAY\), kind \(text\)/,
    );
    await expect(openAt("integers.parquet", { labelColumn: "image" })).rejects.toThrow(
      /expected a column image with labels/,
    );
  });

  it("refuses files that declare other names", async () => {
    const parquet = [join(fixtures, "hub/data/train-*.parquet"), join(fixtures, "other-names.parquet")];
    await expect(openParquet({ name: "pets", parquet })).rejects.toThrow(
      /expected the class names of .*, got others/,
    );
  });

  it("refuses truncated files and other content, and says which", async () => {
    const [short, other] = [join(folder, "short.parquet"), join(folder, "other.parquet")];
    await copyFile(join(fixtures, "integers.parquet"), short);
    await truncate(short, 700);
    await copyFile(import.meta.filename, other);
    for (const parquet of [short, other]) {
      await expect(openParquet({ name: "pets", parquet })).rejects.toThrow(
        `${parquet}: expected a complete Parquet file`,
      );
    }
  });

  it("reads damaged files or says which is damaged, whatever byte is changed", async () => {
    const bytes = await readFile(join(fixtures, "integers.parquet"));
    const file = join(folder, "mutated.parquet");
    const failures: string[] = [];
    for (let position = 0; position < bytes.length; position += 5) {
      const mutated = Buffer.from(bytes);
      mutated[position] = ~(mutated[position] as number);
      await writeFile(file, mutated);
      try {
        const { train, test } = await openParquet({ name: "pets", parquet: file });
        for (const image of [...train, ...test]) await image.read();
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
    expect(failures.length).toBeGreaterThan(20);
    expect(failures.filter((message) => !/mutated\.parquet|of pets/.test(message))).toEqual([]);
  });
});
