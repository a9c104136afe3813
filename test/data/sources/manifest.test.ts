import { mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { loadModel } from "../../../lib/clip/index.js";
import { loadTask, type ManifestOptions, openManifest } from "../../../lib/data/index.js";
import { temporaryFolder, writePicture } from "../images.js";

const folder = temporaryFolder();

/** Writes a manifest and describes what it lists. */
async function openText(name: string, content: string | Uint8Array, options: Partial<ManifestOptions> = {}) {
  await writeFile(join(folder, name), content);
  return openManifest({ name: "pets", manifest: join(folder, name), ...options });
}

const lines = (...rows: string[]) => rows.join("\n");

describe("openManifest of CSV", () => {
  const given = lines(
    "image,label,split",
    "a/1.jpg,maine_coon,train",
    "a/2.jpg,beagle,train",
    "b/3.jpg,beagle,val",
    "b/4.jpg,beagle,test",
    "b/5.jpg,maine_coon,test",
  );

  it("takes parts from a split column, and paths relative to itself", async () => {
    const dataset = await openText("given.csv", given);
    expect(dataset.classes).toEqual(["beagle", "maine coon"]);
    expect(dataset.split).toBe("given");
    const found = dataset.train.map(({ file, name, label }) => [relative(folder, file), name, label]);
    expect(found).toEqual([
      ["a/1.jpg", "a/1.jpg", 1],
      ["a/2.jpg", "a/2.jpg", 0],
    ]);
    expect(dataset.validation.map(({ name }) => name)).toEqual(["b/3.jpg"]);
    expect(dataset.test.map(({ name }) => name)).toEqual(["b/4.jpg", "b/5.jpg"]);
  });

  it("takes a folder of images, and paths that are absolute", async () => {
    const content = given.replace("a/1.jpg", "/elsewhere/1.jpg").replace("a/2.jpg", "./a//2.jpg");
    const { train } = await openText("moved.csv", content, { images: join(folder, "pictures") });
    expect(train.map(({ file }) => file)).toEqual(["/elsewhere/1.jpg", join(folder, "pictures/a/2.jpg")]);
    expect(train[1]?.name).toBe("a/2.jpg");
  });

  it("reads quotes, commas and line breaks in quotes, byte order marks, CRLF and blank lines", async () => {
    const rows = [
      '"file_name", "label"',
      '"a,1.jpg","say ""hi"""',
      "",
      '"b\r\n1.jpg","say ""hi"""',
      "c.jpg , dog",
      "d.jpg,dog",
      "",
    ];
    const dataset = await openText("traps.csv", `\uFEFF${rows.join("\r\n")}`);
    expect(dataset.classes).toEqual(["dog", 'say "hi"']);
    const names = [...dataset.train, ...dataset.test].map(({ name }) => name).sort();
    expect(names).toEqual(["a,1.jpg", "b\r\n1.jpg", "c.jpg", "d.jpg"]);
  });

  it("takes other columns, and tabs", async () => {
    const content = given.replaceAll(",", "\t").replace("image\tlabel\tsplit", "photo\tbreed\tfold");
    const columns = { imageColumn: "photo", labelColumn: "breed", splitColumn: "fold" };
    expect((await openText("tabs.tsv", content, columns)).test).toHaveLength(2);
  });

  it("orders integers by value", async () => {
    const content = lines("path,label", "1.jpg,10", "2.jpg,10", "3.jpg,9", "4.jpg,9");
    expect((await openText("integers.csv", content)).classes).toEqual(["9", "10"]);
    const { classes } = await openText("integers.csv", content, { classes: { 9: "nine", 10: "ten" } });
    expect(classes).toEqual(["nine", "ten"]);
  });

  it("splits by the seed where there are no parts", async () => {
    const rows = Array.from({ length: 20 }, (_, i) => `${i}.jpg,${i % 2 === 0 ? "cat" : "dog"}`);
    const open = async (seed: number) =>
      (await openText("unsplit.csv", lines("path,label", ...rows), { split: { seed, trainFraction: 0.7 } }))
        .train;
    const names = async (seed: number) => (await open(seed)).map(({ name }) => name);
    expect(await names(1)).toHaveLength(14);
    expect(await names(1)).toEqual(await names(1));
    expect(await names(1)).not.toEqual(await names(2));
  });

  it("takes a file for each part", async () => {
    await writeFile(
      join(folder, "train.csv"),
      lines("path,label,split", "1.jpg,cat,ignored", "2.jpg,dog,ignored"),
    );
    await writeFile(
      join(folder, "test.jsonl"),
      lines('{"path":"3.jpg","label":"cat"}', '{"path":"4.jpg","label":"dog"}'),
    );
    const manifest = { train: join(folder, "train.csv"), test: join(folder, "test.jsonl") };
    const dataset = await openManifest({ name: "pets", manifest });
    expect([dataset.train.length, dataset.validation.length, dataset.test.length]).toEqual([2, 0, 2]);
    const twice = { train: manifest.train, test: manifest.train };
    await expect(openManifest({ name: "pets", manifest: twice })).rejects.toThrow(
      /each image once, got 1\.jpg, also at/,
    );
  });
});

describe("openManifest of JSONL", () => {
  it("takes texts and integers as labels, and passes over blank lines", async () => {
    const content = lines(
      '\uFEFF{"file_name": "1.jpg", "label": 1, "split": "train"}\r',
      "  ",
      '{"file_name": "2.jpg", "label": "0", "split": "train", "boxes": [[0, 1]]}',
      '{"file_name": "3.jpg", "label": 0, "split": "test"}',
      '{"file_name": "4.jpg", "label": 1, "split": "test"}\n',
    );
    const dataset = await openText("given.jsonl", content, { classes: { 0: "cat", 1: "dog" } });
    expect(dataset.classes).toEqual(["cat", "dog"]);
    expect(dataset.train.map(({ label }) => label)).toEqual([1, 0]);
  });
});

it("a column of one part for training only is said, and tests are drawn", async () => {
  const rows = ["1", "2", "3", "4", "5"].map((image) => `${image}.jpg,cat,train\n`);
  const dataset = await openText("all-train.csv", `path,label,split\n${rows.join("")}`);
  expect([dataset.train.length, dataset.test.length]).toEqual([4, 1]);
  expect(dataset.warnings).toEqual(["All images are for training: test images are drawn from them."]);
});

it("validation images are tested on where there are no others", async () => {
  const dataset = await openText("dev.csv", "path,label,split\n1.jpg,cat,train\n2.jpg,cat,dev\n");
  expect([dataset.train.length, dataset.validation.length, dataset.test.length]).toEqual([1, 0, 1]);
  expect(dataset.warnings).toEqual(["There are no images for tests: those for validation are tested on."]);
});

it("a column that seems to tell a part and is not used is named", async () => {
  const rows = ["1", "2", "3", "4", "5"].map((image) => `${image}.jpg,cat,${Number(image) % 2}\n`);
  const { warnings } = await openText("flag.csv", `path,label,is_test\n${rows.join("")}`);
  expect(warnings?.[0]).toMatch(/^"is_test" seems to tell a part, but has other values/);
});

describe("openManifest of what does not fit", () => {
  it.each([
    [
      "short.csv",
      "path,label\n1.jpg,cat\n2.jpg\n",
      /short\.csv:3: expected rows that fit the header: .*length/i,
    ],
    ["quote.csv", 'path,label\n"1.jpg,cat\n', /quote\.csv:\d: expected rows that fit the header: .*quote/i],
    ["double.csv", "path,label,label\n1.jpg,cat,dog\n", /double\.csv:1: .*two columns are called "label"/],
    ["empty.csv", "", /empty\.csv: expected a record for each image, got none/],
    ["header.csv", "path,label\n", /header\.csv: expected a record for each image, got none/],
    [
      "columns.csv",
      "file,label\n1.jpg,cat\n",
      /columns\.csv:2: expected a column image or path or file_name, got file, label\. Name it with imageColumn/,
    ],
    [
      "unlabelled.csv",
      "path,label\n1.jpg,cat\n2.jpg,\n",
      /unlabelled\.csv:3: expected label to be a text or an integer, got ""/,
    ],
    [
      "twice.csv",
      "path,label\n1.jpg,cat\n./1.jpg,dog\n",
      /twice\.csv:3: expected each image once, got 1\.jpg, also at .*twice\.csv:2/,
    ],
    [
      "part.csv",
      "path,label,split\n1.jpg,cat,holdout\n",
      /part\.csv:2: expected split to be train, validation, val or test, got "holdout"/,
    ],
    [
      "train.csv",
      "path,label,split\n1.jpg,cat,train\n2.jpg,cat,train\n3.jpg,dog,test\n",
      /no training images of: dog; no test images of: cat/,
    ],
    [
      "names.csv",
      "path,label\n1.jpg,Cat\n2.jpg,Cat\n3.jpg,cat\n4.jpg,cat\n",
      /different name for each class, got "Cat" and "cat"/,
    ],
    ["few.csv", "path,label\n1.jpg,cat\n", /"cat" of pets: expected at least 2 images .* got 1/],
    ["broken.jsonl", '{"path": "1.jpg", "label": 1}\n{"path": ', /broken\.jsonl:2: expected a JSON object: /],
    [
      "list.jsonl",
      '{"path": "1.jpg", "label": 1}\n\n["2.jpg", 1]',
      /list\.jsonl:3: expected a JSON object, got \["2\.jpg", 1\]/,
    ],
    [
      "float.jsonl",
      '{"path": "1.jpg", "label": 1.5}',
      /float\.jsonl:1: expected label to be a text or an integer, got 1\.5/,
    ],
    [
      "missing.jsonl",
      '{"path": "1.jpg", "label": 1}\n{"path": "2.jpg"}',
      /missing\.jsonl:2: expected label .* got nothing/,
    ],
    ["other.txt", "1.jpg cat", /other\.txt: expected one of \.csv, \.tsv, \.jsonl, \.ndjson/],
  ])("%s", async (name, content, message) => {
    await expect(openText(name, content)).rejects.toThrow(message);
  });

  it("warns of a class that is a missing value", async () => {
    const rows = ["cat", "dog", "nan"].flatMap((label) => [1, 2].map((i) => `${label}${i}.jpg,${label}`));
    const { warnings } = await openText("gaps.csv", `path,label\n${rows.join("\n")}\n`);
    expect(warnings).toContainEqual(expect.stringMatching(/^1 of 3 class names .* such as "nan"/));
  });

  it("refuses other encodings and absent files", async () => {
    const latin1 = Buffer.from("path,label\n1.jpg,crème\n", "latin1");
    await expect(openText("latin1.csv", latin1)).rejects.toThrow(/latin1\.csv: expected text in UTF-8/);
    const manifest = join(folder, "absent.csv");
    await expect(openManifest({ name: "pets", manifest })).rejects.toThrow(
      /absent\.csv: expected a file, got ENOENT/,
    );
  });

  it("finds missing images when they are loaded", async () => {
    await mkdir(join(folder, "half"), { recursive: true });
    await writePicture(join(folder, "half/1.png"));
    const dataset = await openText("half/list.csv", "path,label,split\n1.png,cat,train\n2.png,cat,test\n");
    const { preprocessing } = loadModel("assets/miniature-clip");
    await expect(loadTask(dataset, { preprocessing })).rejects.toThrow(
      /1 of 1 that .*\n.*half\/2\.png: .*ENOENT/,
    );
  });
});
