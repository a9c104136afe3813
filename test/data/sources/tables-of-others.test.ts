import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { openManifest } from "../../../lib/data/index.js";
import { temporaryFolder } from "../images.js";

const folder = temporaryFolder();

const rows = [
  ["1.jpg", "cat", "train"],
  ["2.jpg", "dog", "train"],
  ["3.jpg", "cat", "test"],
  ["4.jpg", "dog", "test"],
] as const;

async function write(name: string, content: string): Promise<string> {
  const file = join(folder, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}

const csv = (header: string, cells: (row: (typeof rows)[number], i: number) => unknown[]) =>
  [header, ...rows.map((row, i) => cells(row, i).join(","))].join("\n");

const open = async (name: string, content: string) =>
  openManifest({ name: "pets", manifest: await write(name, content) });

describe("tables as other tools write them", () => {
  it.each([
    "Image Path,Class Name,Data Set",
    "img,target,split",
    "Image_ID,labels,phase",
    "photo,species,Split",
  ])("have the columns %s", async (header) => {
    const dataset = await open(
      `${header}.csv`,
      csv(header, (row) => [...row]),
    );
    expect([dataset.classes, dataset.train.length, dataset.test.length]).toEqual([["cat", "dog"], 2, 2]);
  });

  it("are JSON arrays, or JSON lines of another extension", async () => {
    const records = rows.map(([image, label, split]) => ({ image, label, split }));
    const array = await open("records.json", JSON.stringify(records, null, 2));
    const lines = await open("lines.json", records.map((record) => JSON.stringify(record)).join("\n"));
    for (const { classes, train } of [array, lines]) {
      expect(classes).toEqual(["cat", "dog"]);
      expect(train.map(({ name }) => name)).toEqual(["1.jpg", "2.jpg"]);
    }
    await expect(open("broken.json", "[1")).rejects.toThrow(/broken\.json: expected JSON: /);
    await expect(open("texts.json", '[{"image":"1.jpg","label":"cat"}, "2.jpg"]')).rejects.toThrow(
      /texts\.json:2: expected a JSON object, got "2\.jpg"\. Write one per image\./,
    );
  });

  it("have integers that a program wrote with a point", async () => {
    await write("points/classes.txt", "cat\ndog\n");
    const content = csv("image,label,split", ([image, label, split]) => [
      image,
      label === "dog" ? "1.0" : "0.0",
      split,
    ]);
    expect((await open("points/list.csv", content)).classes).toEqual(["cat", "dog"]);
  });

  it("lose the point in all parts or in none, and only where no label is lost", async () => {
    const list = (...labels: string[]) =>
      ["image,label", ...labels.map((l, i) => `${i}.jpg,${l}`)].join("\n");
    const classesOf = async (train: string[], test: string[], classes?: readonly string[]) => {
      const files = { train: list(...train), test: list(...test) };
      const manifest = {
        train: await write("points/train/list.csv", files.train),
        test: await write("points/test/list.csv", files.test),
      };
      return (await openManifest({ name: "pets", manifest, ...(classes && { classes }) })).classes;
    };
    expect(await classesOf(["0", "1"], ["0.0", "1.0"])).toEqual(["0", "1"]);
    expect(await classesOf(["1.0", "2.0", "2.5"], ["1.0", "2.0", "2.5"])).toEqual(["1.0", "2.0", "2.5"]);
    expect(await classesOf(["1.0", "2.0", "2.5"], ["1.0", "2.0"], ["1.0", "2.0"])).toEqual(["1.0", "2.0"]);
    expect(await classesOf(["1.0", "2.0"], ["1.0", "2.0"], ["2.0", "1.0"])).toEqual(["2.0", "1.0"]);
    expect(await classesOf(["1.0", "2.0"], ["1.0", "2.0"], ["2", "1"])).toEqual(["2", "1"]);
    expect(await classesOf(["1.0", "1"], ["1.0", "1"])).toEqual(["1", "1.0"]);
    expect(await classesOf(["1.0", "1.00"], ["1.0", "1.00"])).toEqual(["1.0", "1.00"]);
  });

  it("have truth values and lists of one label, and no lists of more", async () => {
    const lines = (label: (row: (typeof rows)[number]) => unknown) =>
      rows.map((row) => JSON.stringify({ image: row[0], label: label(row), split: row[2] })).join("\n");
    expect(
      (
        await open(
          "truth.jsonl",
          lines(([, label]) => label === "cat"),
        )
      ).classes,
    ).toEqual(["false", "true"]);
    expect(
      (
        await open(
          "list.jsonl",
          lines(([, label]) => [label]),
        )
      ).classes,
    ).toEqual(["cat", "dog"]);
    await expect(
      open(
        "lists.jsonl",
        lines(([, label]) => [label, "pet"]),
      ),
    ).rejects.toThrow(/lists\.jsonl:1: expected one label in label, got 2: cat, pet\. Keep one per image/);
  });

  it("name files by their address on this machine, and none elsewhere", async () => {
    const address = (image: string) => pathToFileURL(join(folder, "a b", image)).href;
    const local = await open(
      "local.csv",
      csv("image,label,split", ([image, ...rest]) => [address(image), ...rest]),
    );
    expect(local.train[0]?.file).toBe(join(folder, "a b/1.jpg"));
    await expect(
      open(
        "web.csv",
        csv("image,label,split", ([image, ...rest]) => [`https://x.org/${image}`, ...rest]),
      ),
    ).rejects.toThrow(
      /web\.csv:2: expected the path of a file, got the address https:\/\/x\.org\/1\.jpg\. Download/,
    );
    for (const broken of ["file://nas/share", "FILE:///a%2Fb", "file:///%zz"]) {
      const list = csv("image,label,split", ([image, ...rest]) => [`${broken}/${image}`, ...rest]);
      await expect(open("broken.csv", list)).rejects.toThrow(
        /broken\.csv:2: expected the address of a file on this machine, got file:.*1\.jpg: .*\. Write the path of the file\./i,
      );
    }
    const short = csv("image,label,split", ([image, ...rest]) => [`file:/a/${image}`, ...rest]);
    expect((await open("short.csv", short)).train[0]?.file).toBe("/a/1.jpg");
  });

  it("have no labels among test rows, which is said", async () => {
    const { train, test, split, warnings } = await open(
      "unlabelled.csv",
      `${csv("image,label,split", ([image, label, part]) => [image, part === "test" ? "" : label, part])}\n5.jpg,cat,train\n6.jpg,dog,train`,
    );
    expect([train.length, test.length, split]).toEqual([2, 2, { trainFraction: 0.8, seed: 0 }]);
    expect(warnings?.[0]).toBe("2 test rows without a label were passed over.");
    await expect(
      open(
        "gap.csv",
        csv("image,label,split", ([image, , part], i) => [image, i === 0 ? "" : "cat", part]),
      ),
    ).rejects.toThrow(/gap\.csv:2: expected label to be a text or an integer, got ""/);
  });

  it("lack a header, which is said", async () => {
    await expect(open("bare.csv", rows.map((row) => row.join(",")).join("\n"))).rejects.toThrow(
      /got 1\.jpg, cat, train\. Write a first line with their names, such as image,label\./,
    );
  });

  it("are sheets, which have to be exported", async () => {
    await expect(open("pets.xlsx", "PK")).rejects.toThrow(
      /got another extension\. Export the sheet as CSV\./,
    );
  });
});

it("files of one name in two folders are two images", async () => {
  const list = "file_name,label\n1.jpg,cat\n2.jpg,dog";
  const [train, test] = [await write("train/metadata.csv", list), await write("test/metadata.csv", list)];
  const dataset = await openManifest({ name: "pets", manifest: { train, test } });
  expect(dataset.train.map(({ file }) => file)).toEqual([1, 2].map((n) => join(folder, `train/${n}.jpg`)));
  expect(dataset.test.map(({ file }) => file)).toEqual([1, 2].map((n) => join(folder, `test/${n}.jpg`)));
});
