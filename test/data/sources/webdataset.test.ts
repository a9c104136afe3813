import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, open, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { create, Header } from "tar";
import { beforeAll, describe, expect, it } from "vitest";
import { openWebDataset, type WebDatasetOptions } from "../../../lib/data/index.js";
import { needs } from "../../needs.js";
import { temporaryFolder } from "../images.js";

const folder = temporaryFolder();

/** Writes files into a folder of their own and packs them, in this order, with the `tar` package. */
async function shard(name: string, files: Record<string, string>, options = {}): Promise<string> {
  const cwd = join(folder, "files", name);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(cwd, path)), { recursive: true });
    await writeFile(join(cwd, path), content);
  }
  const file = join(folder, name);
  await mkdir(dirname(file), { recursive: true });
  await create({ file, cwd, portable: true, ...options }, Object.keys(files));
  return file;
}

const openShards = (webdataset: WebDatasetOptions["webdataset"], options: Partial<WebDatasetOptions> = {}) =>
  openWebDataset({ name: "pets", webdataset, ...options });

async function contents(images: readonly { read(): Promise<unknown> }[]): Promise<string[]> {
  return Promise.all(images.map(async (image) => Buffer.from((await image.read()) as Uint8Array).toString()));
}

/** An archive of headers alone, whose files have no content. */
async function headersOnly(
  name: string,
  entries: ConstructorParameters<typeof Header>[0][],
): Promise<string> {
  const blocks = entries.map((entry) => {
    const block = Buffer.alloc(512);
    new Header({ size: 0, mode: 0o644, type: "File", ...entry }).encode(block);
    return block;
  });
  await writeFile(join(folder, name), Buffer.concat([...blocks, Buffer.alloc(1024)]));
  return join(folder, name);
}

const longFolder = `${"long-folder-name/".repeat(20)}`;

describe("openWebDataset", () => {
  beforeAll(async () => {
    await shard("plain/train-000.tar", {
      "a/0001.jpg": "first",
      "a/0001.cls": "1\n",
      "a/0001.json": '{"label": 7, "breed": "owl"}',
      "a/0002.left.v2.txt": "no part of the data",
      "a/0002.PNG": "second",
      "a/0002.cls": "0",
      "a/0002.json": '{"breed": "cat"}',
    });
    await shard("plain/train-001.tar", {
      "b.webp": "third",
      "b.json": '{"label": "0", "breed": "cat"}',
      "readme.md": "",
    });
    await shard("plain/test-000.tar", {
      "x.jpg": "fourth",
      "x.json": '{"label": 0, "breed": "cat"}',
      "y.jpg": "fifth",
      "y.json": '{"label": 1, "breed": "owl"}',
    });
  });

  it("groups files into samples, with labels from .cls and else .json", async () => {
    const dataset = await openShards(join(folder, "plain"));
    expect(dataset.classes).toEqual(["0", "1"]);
    expect(dataset.train.map(({ name, label }) => `${name} ${label}`)).toEqual([
      "train-000.tar/a/0001.jpg 1",
      "train-000.tar/a/0002.PNG 0",
      "train-001.tar/b.webp 0",
    ]);
    expect(await contents([...dataset.train, ...dataset.test])).toEqual([
      "first",
      "second",
      "third",
      "fourth",
      "fifth",
    ]);
    expect(dataset.train[0]?.file).toBe(join(folder, "plain/train-000.tar"));
  });

  it("takes labels from a field, and shards by pattern", async () => {
    const webdataset = {
      train: join(folder, "plain/train-{000..001}.tar"),
      test: join(folder, "plain/test-*.tar"),
    };
    const dataset = await openShards(webdataset, { labelField: "breed" });
    expect(dataset.classes).toEqual(["cat", "owl"]);
    expect(dataset.train.map(({ label }) => label)).toEqual([1, 0, 0]);
  });

  it("splits by the seed where there are no parts", async () => {
    const files = [..."abcd"].flatMap((key) => [
      [`${key}.jpg`, key],
      [`${key}.cls`, "cat"],
    ]);
    const { train, test, split } = await openShards(await shard("unsplit.tar", Object.fromEntries(files)));
    expect([train.length, test.length]).toEqual([3, 1]);
    expect(split).toEqual({ trainFraction: 0.8, seed: 0 });
  });

  it("reads labels with a point as integers, unless they are chosen as they are written", async () => {
    const files = [..."abcd"].flatMap((key, i) => [
      [`${key}.jpg`, key],
      [`${key}.cls`, `${i % 2}.0`],
    ]);
    const file = await shard("points.tar", Object.fromEntries(files));
    expect((await openShards(file)).classes).toEqual(["0", "1"]);
    expect((await openShards(file, { classes: { "0.0": "cat", "1.0": "dog" } })).classes).toEqual([
      "cat",
      "dog",
    ]);
  });

  it("chooses among several images of a sample", async () => {
    const file = await shard("stereo.tar", {
      "a.left.png": "left a",
      "a.right.png": "right a",
      "a.cls": "0",
      "b.left.png": "left b",
      "b.right.png": "right b",
      "b.cls": "0",
    });
    const dataset = await openShards(file, { imageExtension: "right.png" });
    expect((await contents([...dataset.train, ...dataset.test])).sort()).toEqual(["right a", "right b"]);
  });

  it.each(["gnu", "pax", "ustar", "v7"])("reads GNU tar's %s format", async (format) => {
    const path = format === "v7" ? "" : format === "ustar" ? longFolder.slice(0, 102) : longFolder;
    const files = { [`${path}ä.jpg`]: "first", [`${path}ä.cls`]: "cat", "b.jpg": "second", "b.cls": "cat" };
    await shard(`unused-${format}.tar`, files);
    const file = join(folder, `${format}.tar`);
    execFileSync("tar", [
      `--format=${format}`,
      "-cf",
      file,
      "-C",
      join(folder, `files/unused-${format}.tar`),
      ".",
    ]);
    const dataset = await openShards(file);
    const images = [...dataset.train, ...dataset.test].sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(images.map(({ name }) => name).sort()).toEqual(
      [`${format}.tar/b.jpg`, `${format}.tar/${path}ä.jpg`].sort(),
    );
    expect((await contents(images)).sort()).toEqual(["first", "second"]);
  });

  it("reads pax headers of the tar package, for all files and for one", async () => {
    const files = { [`${longFolder}a.jpg`]: "first", [`${longFolder}a.cls`]: "cat" };
    const { train } = await openShards({
      train: await shard("pax-train.tar", files, { portable: false }),
      test: await shard("pax-test.tar", files, { portable: false }),
    });
    expect(train[0]?.name).toBe(`pax-train.tar/${longFolder}a.jpg`);
    expect(await contents(train)).toEqual(["first"]);
  });

  const needsProc = needs(existsSync("/proc/self/io"), "no /proc/self/io", "run on Linux");

  it("reads headers and labels only when it opens", needsProc, async () => {
    const file = join(folder, "huge.tar");
    const handle = await open(file, "w");
    const size = 2 ** 32;
    let position = 0;
    for (const key of ["a", "b"]) {
      for (const [path, length, content] of [
        [`${key}.jpg`, size, ""],
        [`${key}.cls`, 3, "cat"],
      ] as const) {
        const block = Buffer.alloc(512);
        new Header({ path, size: length, mode: 0o644, type: "File" }).encode(block);
        await handle.write(block, 0, 512, position);
        await handle.write(content, position + 512);
        position += 512 + Math.ceil(length / 512) * 512;
      }
    }
    await handle.truncate(position + 1024);
    await handle.close();
    const bytesRead = async () => Number(/^rchar: (\d+)/.exec(await readFile("/proc/self/io", "utf8"))?.[1]);
    const before = await bytesRead();
    const { train, test } = await openShards(file);
    expect((await bytesRead()) - before).toBeLessThan(2 ** 20);
    expect([train.length, test.length]).toEqual([1, 1]);
    expect((await stat(file)).size).toBeGreaterThan(2 * size);
  });
});

describe("openWebDataset of what does not fit", () => {
  const files = { "a.jpg": "x".repeat(3000), "a.cls": "cat", "b.jpg": "y".repeat(3000), "b.cls": "cat" };

  it("names shard and offset where a shard is truncated", async () => {
    const file = await shard("whole.tar", files);
    const whole = (await stat(file)).size;
    for (const [length, message] of [
      [2000, /truncated: expected a\.jpg with 3000 bytes at byte 0, got the end of the file at 2000/],
      [3584 + 200, /truncated: expected a header or the end mark at byte 3584/],
      [3584 + 1024, /truncated: expected a header or the end mark at byte 4608/],
      [0, /truncated: expected a header or the end mark at byte 0/],
    ] as const) {
      const short = join(folder, `short-${length}.tar`);
      await copyFile(file, short);
      await truncate(short, length);
      await expect(openShards(short)).rejects.toThrow(message);
      await expect(openShards(short)).rejects.toThrow(short);
    }
    const { train } = await openShards(file);
    await truncate(file, whole - 10240);
    await expect(train[0]?.read()).rejects.toThrow(/expected 3000 bytes at \d+, got the end of .*whole\.tar/);
  });

  it("refuses compressed shards", async () => {
    const file = await shard("small.tar.gz", files, { gzip: true });
    await mkdir(join(folder, "packed"));
    await writeFile(join(folder, "packed/a.tar.bz2"), Buffer.from("BZh91AY&SY".padEnd(1024, "\0"), "latin1"));
    await expect(openShards(join(folder, "packed"))).rejects.toThrow(
      /a\.tar\.bz2: expected an uncompressed tar archive, got bzip2\. Decompress it/,
    );
    await expect(openShards(file)).rejects.toThrow(
      /small\.tar\.gz: expected an uncompressed tar archive, got gzip\. Decompress it/,
    );
  });

  it("refuses paths and links that lead out of the archive", async () => {
    for (const path of ["../../etc/passwd.jpg", "/etc/passwd.jpg", "a/../../b.jpg"]) {
      const file = await headersOnly("outside.tar", [{ path }]);
      await expect(openShards(file)).rejects.toThrow(
        `outside.tar, byte 0: expected paths within the archive, got ${path}`,
      );
    }
    const link = await headersOnly("link.tar", [
      { path: "a.jpg" },
      { path: "b.jpg", type: "SymbolicLink", linkpath: "/etc/passwd" },
    ]);
    await expect(openShards(link)).rejects.toThrow(
      /link\.tar, byte 512: expected plain files and folders, got b\.jpg \(SymbolicLink\)/,
    );
  });

  it("refuses damaged headers and what is no archive", async () => {
    const file = await headersOnly("damaged.tar", [{ path: "a.jpg" }, { path: "b.jpg" }]);
    const handle = await open(file, "r+");
    await handle.write("X", 512 + 3);
    await handle.close();
    await expect(openShards(file)).rejects.toThrow(
      /damaged\.tar, byte 512: expected a tar header, got other bytes/,
    );
    await writeFile(join(folder, "text.tar"), "no archive ".repeat(100));
    await expect(openShards(join(folder, "text.tar"))).rejects.toThrow(
      /text\.tar, byte 0: expected a tar header/,
    );
    const long = await headersOnly("long.tar", [{ path: "x", type: "NextFileHasLongPath", size: 2 ** 21 }]);
    await truncate(long, 2 ** 22);
    await expect(openShards(long)).rejects.toThrow(
      /byte 0: expected a header of at most 1048576 bytes, got 2097152/,
    );
  });

  it.each([
    [
      "unlabelled",
      { "a.jpg": "" },
      /expected a text or an integer as label of a\.jpg in a\.cls, or "label" in a\.json, got none/,
    ],
    ["blank", { "a.jpg": "", "a.cls": " \n" }, /as label of a\.jpg in a\.cls/],
    ["float", { "a.jpg": "", "a.json": '{"label": 0.5}' }, /as label of a\.jpg/],
    ["broken", { "a.jpg": "", "a.json": "{" }, /broken\.tar: a\.json: expected JSON: /],
    [
      "large",
      { "a.jpg": "", "a.json": `"${"x".repeat(2 ** 20)}"` },
      /expected a label in a\.json, got 1048578 bytes/,
    ],
    [
      "double",
      { "a.jpg": "", "a.png": "", "a.cls": "1" },
      /expected one image in a sample, got a\.jpg and a\.png/,
    ],
    ["none", { "a.txt": "", "a.cls": "1" }, /none\.tar: expected images \(\.jpg .*\), got none/],
  ])("refuses a shard with %s samples", async (name, content: Record<string, string>, message) => {
    await expect(openShards(await shard(`${name}.tar`, content))).rejects.toThrow(message);
  });
});
