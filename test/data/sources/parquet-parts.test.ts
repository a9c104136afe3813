import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parquetWriteFile } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { type Dataset, openParquet, type ParquetOptions } from "../../../lib/data/index.js";
import { temporaryFolder } from "../images.js";

const folder = temporaryFolder();

type ColumnData = Parameters<typeof parquetWriteFile>[0]["columnData"];

/** Eight images of two classes, four of each, with more columns. */
async function table(name: string, ...columns: ColumnData): Promise<string> {
  const filename = join(folder, name);
  await mkdir(dirname(filename), { recursive: true });
  const image = Array.from({ length: 8 }, (_, i) => Uint8Array.of(i));
  const label = ["cat", "dog", "cat", "dog", "cat", "dog", "cat", "dog"];
  await parquetWriteFile({
    filename,
    columnData: [
      { name: "image", data: image, type: "BYTE_ARRAY" },
      { name: "label", data: label, type: "STRING" },
      ...columns,
    ],
  });
  return filename;
}

const openTable = (parquet: ParquetOptions["parquet"], options: Partial<ParquetOptions> = {}) =>
  openParquet({ name: "pets", parquet, ...options });

const rowsOf = (images: Dataset["train"]) => images.map(({ name }) => Number(name.split("#")[1]));

const mixed = ["test", "train", "Train", "TEST", "train", "training", "dev", "val"];

describe("parts in a column of a Parquet file", () => {
  it.each(["split", "Split", "set", "my_part"])("are those of the column %s", async (column) => {
    const file = await table(`one/${column}.parquet`, { name: column, data: mixed, type: "STRING" });
    const dataset = await openTable(file);
    expect(dataset.split).toBe("given");
    expect(rowsOf(dataset.train)).toEqual([1, 2, 4, 5]);
    expect(rowsOf(dataset.validation)).toEqual([6, 7]);
    expect(rowsOf(dataset.test)).toEqual([0, 3]);
    expect(dataset.warnings).toContain(`The parts are those of the column "${column}".`);
  });

  it("are found over all files, of which one may be of one part", async () => {
    const train = Array<string>(8).fill("train");
    await table("two/0.parquet", { name: "subset", data: train, type: "STRING" });
    await table("two/1.parquet", { name: "subset", data: Array(8).fill("test"), type: "STRING" });
    const dataset = await openTable(join(folder, "two"));
    expect([dataset.train.length, dataset.test.length]).toEqual([8, 8]);
    expect(dataset.train.every(({ name }) => name.startsWith("0.parquet"))).toBe(true);
  });

  it("are those of splitColumn, whatever the files are called", async () => {
    const column = { name: "where", data: mixed, type: "STRING" } as const;
    const file = await table("named/my-test-export.parquet", column);
    const dataset = await openTable(file, { splitColumn: "where" });
    expect(rowsOf(dataset.test)).toEqual([0, 3]);
    await expect(openTable(file, { splitColumn: "split" })).rejects.toThrow(
      `${file}: expected a column split, got image, label, where. Name it with splitColumn.`,
    );
    await expect(openTable(file, { splitColumn: "label" })).rejects.toThrow(
      `${file}, row 0: expected label to be train, validation, val or test, got "cat". Correct it.`,
    );
  });

  it("leave test rows without a label out", async () => {
    const file = await table(
      "gaps.parquet",
      { name: "split", data: mixed, type: "STRING" },
      { name: "class", data: ["cat", "dog", "cat", "dog", "cat", "dog", "cat", ""], type: "STRING" },
    );
    await expect(openTable(file, { labelColumn: "class" })).rejects.toThrow("row 7: expected a label");
    const column = { name: "class", data: ["", "dog", "cat", "", "cat", "dog", "cat", "dog"] };
    const unlabelled = await table(
      "more-gaps.parquet",
      { name: "split", data: mixed, type: "STRING" },
      { ...column, type: "STRING" },
    );
    const dataset = await openTable(unlabelled, { labelColumn: "class" });
    expect(rowsOf(dataset.test)).toEqual([6, 7]);
    expect(dataset.warnings).toContain("2 test rows without a label were passed over.");
  });

  it("are drawn where all rows are for training, and it is said", async () => {
    const file = await table("all.parquet", { name: "split", data: Array(8).fill("train"), type: "STRING" });
    const dataset = await openTable(file);
    expect(dataset.split).toEqual({ trainFraction: 0.8, seed: 0 });
    expect(dataset.warnings).toContain("All images are for training: test images are drawn from them.");
  });

  it("are told by validation rows where there are no tests", async () => {
    const data = ["train", "train", "train", "train", "train", "train", "valid", "valid"];
    const dataset = await openTable(await table("rows.parquet", { name: "split", data, type: "STRING" }));
    expect(rowsOf(dataset.test)).toEqual([6, 7]);
    expect(dataset.warnings).toContain("There are no images for tests: those for validation are tested on.");
  });
});

describe("columns that seem to tell a part and are not used", () => {
  it("are named where their values are no words for parts", async () => {
    const isTest = [true, true, false, false, false, false, false, false];
    const fold = ["a", "b", "a", "b", "a", "b", "a", "b"];
    const file = await table(
      "flags.parquet",
      { name: "is_test", data: isTest, type: "BOOLEAN" },
      { name: "split", data: fold, type: "STRING" },
    );
    const { warnings } = await openTable(file);
    expect(warnings).toEqual(
      ["is_test", "split"].map(
        (column) =>
          `"${column}" seems to tell a part, but has other values than train, validation and test: it is not used. ` +
          "Write these words there.",
      ),
    );
  });

  it("are named where they disagree with the files", async () => {
    const column = { name: "split", data: mixed, type: "STRING" } as const;
    const train = await table("files/train.parquet", column);
    const test = await table("files/test.parquet", { ...column, data: Array(8).fill("test") });
    for (const parquet of [join(folder, "files"), { train, test }]) {
      const dataset = await openTable(parquet);
      expect([dataset.train.length, dataset.test.length]).toEqual([8, 8]);
      expect(dataset.warnings).toContain(
        '"split" tells another part than the files for 4 of 16 images, and is not used. ' +
          "To use it, give all files as one and name it as splitColumn.",
      );
    }
  });
});

it("files for validation are tested on where there are none for tests", async () => {
  await table("dev/train.parquet");
  await table("dev/dev.parquet");
  const dataset = await openTable(join(folder, "dev"));
  expect([dataset.train.length, dataset.validation.length, dataset.test.length]).toEqual([8, 0, 8]);
  expect(dataset.warnings).toContain("There are no images for tests: those for validation are tested on.");
});

describe("one file that is called like a part", () => {
  it.each(["train", "test", "validation"])("is divided by its column: %s.parquet", async (part) => {
    const file = await table(`alone/${part}.parquet`, { name: "split", data: mixed, type: "STRING" });
    const dataset = await openTable(file);
    expect([dataset.train.length, dataset.validation.length, dataset.test.length]).toEqual([4, 2, 2]);
    expect(dataset.warnings).toEqual(['The parts are those of the column "split".']);
  });

  it("is refused without one, unless it is for training", async () => {
    await expect(openTable(await table("bare/test.parquet"))).rejects.toThrow(
      /got 1 files: 0 for train, 0 for validation, 1 for test/,
    );
    expect((await openTable(await table("bare/train.parquet"))).test).toHaveLength(2);
  });
});

it("what is no Parquet file is called what it is", async () => {
  const [pointer, folderOfArrow] = [join(folder, "pointer.parquet"), join(folder, "disk")];
  await writeFile(pointer, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  await expect(openTable(pointer)).rejects.toThrow(
    /got one that is a pointer of Git LFS\. To go on, fetch the files with `git lfs pull`\./,
  );
  await mkdir(folderOfArrow);
  await writeFile(join(folderOfArrow, "data-00000-of-00001.arrow"), "");
  await expect(openTable(folderOfArrow)).rejects.toThrow(
    /as save_to_disk writes it: write each part with to_parquet/,
  );
});

it("columns are found by their usual names", async () => {
  const filename = join(folder, "usual.parquet");
  const columnData: ColumnData = [
    { name: "Img", data: Array.from({ length: 4 }, (_, i) => Uint8Array.of(i)), type: "BYTE_ARRAY" },
    { name: "Class", data: ["cat", "dog", "cat", "dog"], type: "STRING" },
  ];
  await parquetWriteFile({ filename, columnData });
  expect((await openTable(filename)).classes).toEqual(["cat", "dog"]);
});

it("texts that are integers with a point are integers, unless they are chosen as they are written", async () => {
  const label = Array.from({ length: 8 }, (_, i) => `${i % 2}.0`);
  const file = await table("points.parquet", { name: "species", data: label, type: "STRING" });
  expect((await openTable(file, { labelColumn: "species" })).classes).toEqual(["0", "1"]);
  const classes = { "0.0": "cat", "1.0": "dog" };
  expect((await openTable(file, { labelColumn: "species", classes })).classes).toEqual(["cat", "dog"]);
});
