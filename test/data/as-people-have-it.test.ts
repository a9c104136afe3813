import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { create } from "tar";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../lib/clip/index.js";
import { openFolder, openManifest, openWebDataset } from "../../lib/data/index.js";
import { promptKey } from "../../lib/data/sources/names.js";
import { temporaryFolder } from "./images.js";
import { touchIn } from "./touch.js";

const folder = temporaryFolder();

const touch = touchIn(folder);

const open = (root: string, options = {}) =>
  openFolder({ name: "pets", root: join(folder, root), ...options });

describe("folders", () => {
  it("counts what is no image, reads nested folders, and passes over junk and dangling links", async () => {
    await touch("a/cat/1.jfif", "a/cat/deep/2.BMP", "a/cat/3.heic", "a/dog/1.ppm", "a/dog/2.jpg");
    await touch("a/__MACOSX/cat/._1.jpg", "a/cat/Thumbs.db", "a/cat/._1.jpg");
    await symlink("/nowhere/1.jpg", join(folder, "a/dog/9.jpg"));
    await symlink("/nowhere", join(folder, "a/README"));
    const { classes, train, test, warnings } = await open("a");
    expect(classes).toEqual(["cat", "dog"]);
    expect(train.length + test.length).toBe(4);
    expect(warnings?.[0]).toBe(
      "2 of 6 files were passed over: .heic (1), links to nothing (1). Convert .heic to JPEG to use them.",
    );
  });

  it("knows other words for parts", async () => {
    for (const [train, test] of [
      ["training", "testing"],
      ["Train", "valid"],
      ["pets-train", "pets-test"],
    ]) {
      await touch(`b-${train}/${train}/cat/1.jpg`, `b-${train}/${test}/cat/2.jpg`);
      const dataset = await open(`b-${train}`);
      expect([dataset.split, dataset.classes, dataset.train.length]).toEqual(["given", ["cat"], 1]);
    }
    await touch("c/freight train/deep/1.jpg", "c/freight train/2.jpg", "c/bus/1.jpg", "c/bus/2.jpg");
    expect((await open("c")).classes).toEqual(["bus", "freight train"]);
  });

  it("reads names that are not UTF-8", async () => {
    await mkdir(join(folder, "d/cat"), { recursive: true });
    for (const n of ["1", "2"]) {
      const path = Buffer.concat([
        Buffer.from(join(folder, "d/cat/")),
        Buffer.from(`s\u00e9${n}.jpg`, "latin1"),
      ]);
      await writeFile(path, "x");
    }
    const { train } = await open("d");
    expect(train[0]?.name).toMatch(/^cat\/sé\d\.jpg$/);
    expect(await train[0]?.read()).toEqual(Buffer.from("x"));
  });

  it("names numbered classes without their numbers, and warns of ids", async () => {
    await touch("e/001.Black_Cat/1.jpg", "e/001.Black_Cat/2.jpg", "e/002.Dog/1.jpg", "e/002.Dog/2.jpg");
    const { classes, warnings } = await open("e");
    expect(classes).toEqual(["Black Cat", "Dog"]);
    expect(warnings).toHaveLength(1);
    await touch("f/n01440764/1.jpg", "f/n01440764/2.jpg");
    expect((await open("f")).warnings?.[0]).toMatch(
      /1 of 1 class names are WordNet ids, such as "n01440764"/,
    );
    await writeFile(join(folder, "f/LOC_synset_mapping.txt"), "n01440764 tench, Tinca tinca\n");
    expect((await open("f")).classes).toEqual(["tench"]);
  });
});

describe("tables", () => {
  const rows = ['img\\1.jpg;cat 5" pot;Train', 'img\\2.jpg;cat 5" pot;TEST'];
  it.each([
    ["excel", Buffer.from(["Image;Label;Split", ...rows].join("\r\n"))],
    ["sep", Buffer.from(["sep=;", "Image;Label;Split", ...rows].join("\r\n"))],
    ["utf16", Buffer.from(`\uFEFF${["Image;Label;Split", ...rows].join("\n")}`, "utf16le")],
    ["subset", Buffer.from(["Image;Label;Subset", ...rows].join("\n"))],
  ])("reads %s", async (name, content) => {
    const manifest = join(folder, `${name}.csv`);
    await writeFile(manifest, content);
    const dataset = await openManifest({ name, manifest });
    expect(dataset.classes).toEqual(['cat 5" pot']);
    expect(dataset.train.map(({ name }) => name)).toEqual(["img/1.jpg"]);
    expect(dataset.test).toHaveLength(1);
  });
});

describe("shards", () => {
  async function shard(name: string, files: Record<string, string | Buffer>): Promise<void> {
    const cwd = join(folder, "members", name);
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(cwd, path)), { recursive: true });
      await writeFile(join(cwd, path), content);
    }
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await create({ file: join(folder, name), cwd, portable: true }, Object.keys(files));
  }

  it("reads dotted keys, text labels and class names beside, and counts second images", async () => {
    for (const part of ["train", "test"]) {
      await shard(`wds/shop-${part}-0.tar`, {
        "a.2024.05.jpg": "",
        "a.2024.05.txt": "1",
        "b.jpg": "",
        "b.mask.png": "",
        "b.cls": "0",
        "__meta__/info.bin": "",
      });
    }
    await writeFile(join(folder, "wds/classnames.txt"), "cat\ndog\n");
    const dataset = await openWebDataset({ name: "pets", webdataset: join(folder, "wds") });
    expect(dataset.split).toBe("given");
    expect(dataset.classes).toEqual(["cat", "dog"]);
    expect(dataset.train).toHaveLength(2);
    expect(dataset.warnings?.[0]).toMatch(/^4 of 8 files were passed over: .*\.mask\.png \(2\)/);
  });

  it("says why class names beside are not used", async () => {
    for (const part of ["train", "test"]) {
      const files = { "a.jpg": "", "a.cls": "0", "b.jpg": "", "b.cls": "1" };
      await shard(`few/${part}.tar`, files);
    }
    await writeFile(join(folder, "few/classnames.txt"), "cat\n");
    const few = { name: "pets", webdataset: join(folder, "few") };
    const { classes, warnings } = await openWebDataset(few);
    expect(classes).toEqual(["0", "1"]);
    expect(warnings).toContainEqual(
      expect.stringMatching(/few\/classnames\.txt was set aside: it names 1 of 2 classes\. Give each label/),
    );
    const named = await openWebDataset({ ...few, classes: { 0: "cat", 1: "dog" } });
    expect(named.warnings).toEqual([]);
    await writeFile(join(folder, "few/labels.txt"), "0 cat\n1 dog\n");
    expect((await openWebDataset(few)).warnings).toEqual([]);
  });

  const names = "rosé\ntulip\n";
  it.each([
    ["UTF-16", Buffer.from(`\ufeff${names}`, "utf16le")],
    ["UTF-8 with a byte order mark", Buffer.from(`\ufeff${names}`)],
  ])("reads class names and labels in %s", async (encoding, content) => {
    const wds = join("encodings", encoding);
    const label = (text: string) =>
      Buffer.from(`\ufeff${text}\n`, encoding === "UTF-16" ? "utf16le" : "utf8");
    for (const part of ["train", "test"]) {
      const files = { "a.jpg": "", "a.cls": label("0"), "b.jpg": "", "b.txt": label("1") };
      await shard(join(wds, `${part}.tar`), files);
    }
    await writeFile(join(folder, wds, "classnames.txt"), content);
    const dataset = await openWebDataset({ name: "flowers", webdataset: join(folder, wds) });
    expect(dataset.classes).toEqual(["rosé", "tulip"]);
  });

  it("refuses class names and labels whose letters it would lose", async () => {
    const open = (name: string) => openWebDataset({ name, webdataset: join(folder, "latin1", name) });
    const lost = /: expected text in UTF-8, got the byte 0xe9 at offset 3 in line 1\. Save it as UTF-8\./;
    const rose = Buffer.from("rosé", "latin1");
    await shard("latin1/beside/a.tar", { "a.jpg": "", "a.cls": "0", "b.jpg": "", "b.cls": "1" });
    await writeFile(join(folder, "latin1/beside/classnames.txt"), Buffer.from(names, "latin1"));
    await expect(open("beside")).rejects.toThrow(new RegExp(`classnames\\.txt${lost.source}`));
    await shard("latin1/cls/a.tar", { "a.jpg": "", "a.cls": rose });
    await expect(open("cls")).rejects.toThrow(new RegExp(`a\\.tar: a\\.cls${lost.source}`));
    await shard("latin1/txt/a.tar", { "a.jpg": "", "a.txt": rose });
    await expect(open("txt")).rejects.toThrow(new RegExp(`a\\.tar: a\\.txt${lost.source}`));
  });

  it("does not read captions of images that have a label", async () => {
    const files = { "a.jpg": "", "a.cls": "rose", "a.txt": Buffer.from("rosé", "latin1") };
    for (const part of ["train", "test"]) await shard(`captions/${part}.tar`, files);
    const dataset = await openWebDataset({ name: "flowers", webdataset: join(folder, "captions") });
    expect(dataset.classes).toEqual(["rose"]);
  });
});

describe("images and names", () => {
  it("decodes Netpbm and bitmaps", async () => {
    const ppm = await decodeImage(
      Buffer.from("P6 # made by hand\n2 1\n255\n\u0001\u0002\u0003\u0004\u0005\u0006", "latin1"),
    );
    expect([ppm.width, ppm.height, [...ppm.pixels]]).toEqual([2, 1, [1, 2, 3, 4, 5, 6]]);
    const pbm = await decodeImage(Buffer.from("P1\n2 1\n01"));
    expect([...pbm.pixels]).toEqual([255, 255, 255, 0, 0, 0]);
    const bmp = Buffer.alloc(58);
    bmp.write("BM");
    for (const [value, at] of [
      [58, 2],
      [54, 10],
      [40, 14],
      [1, 18],
      [1, 22],
      [1 + (24 << 16), 26],
    ]) {
      bmp.writeInt32LE(value as number, at as number);
    }
    bmp.set([30, 20, 10], 54); // blue, green, red
    expect([...(await decodeImage(bmp)).pixels]).toEqual([10, 20, 30]);
  });

  it("compares names as the tokenizer does", () => {
    expect(promptKey("Sunflower ")).toBe(promptKey("sunflower"));
    expect(promptKey("t - shirt")).toBe(promptKey("T-Shirt"));
    expect(promptKey("cafe\u0301")).toBe(promptKey("caf\u00e9"));
    expect(promptKey("t shirt")).not.toBe(promptKey("t-shirt"));
  });
});
