import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { findImages, listImages, surveyImages } from "../../../lib/data/index.js";
import { temporaryFolder } from "../images.js";

const root = temporaryFolder();
const at = (...names: string[]) => names.map((name) => join(root, name));

beforeAll(() => {
  const files = [
    "b.jpg",
    "a.PNG",
    "notes.txt",
    "sub/c.webp",
    "sub/[x](1).jpg",
    ".hidden.jpg",
    ".thumbs/d.jpg",
  ];
  for (const file of at(...files)) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, "");
  }
  mkdirSync(join(root, "empty"));
  symlinkSync("..", join(root, "sub/loop"));
});

test("a folder gives its images with all below it, sorted, without hidden ones", async () => {
  const { files, missing } = await findImages([join(root, "sub")]);
  expect(files).toEqual(expect.arrayContaining(at("sub/[x](1).jpg", "sub/c.webp")));
  expect(files).toEqual(files.toSorted());
  expect(files.join()).not.toMatch(/hidden|thumbs|notes/);
  expect(missing).toEqual([]);
});

test("a file is taken whatever it is called, also where its name looks like a pattern", async () => {
  const given = at("notes.txt", "sub/[x](1).jpg");
  expect(await findImages(given)).toEqual({ files: given, missing: [], warnings: [] });
});

test("the files of folders that are no images are counted", async () => {
  writeFileSync(join(root, "sub/scan.heic"), "");
  writeFileSync(join(root, "sub/Thumbs.db"), "");
  const { files, warnings } = await findImages(at("sub", "a.PNG"));
  const count = files.length - 1;
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/of \d+ files were passed over: .*\.heic \(\d+\)/);
  expect(warnings[0]).not.toContain(".db");
  expect(count).toBeGreaterThan(1);
});

test("a pattern gives the files it matches", async () => {
  expect((await findImages(at("*.{jpg,PNG}"))).files).toEqual(at("a.PNG", "b.jpg"));
  expect((await findImages(at("s*/*.webp"))).files).toEqual(at("sub/c.webp"));
});

test("what is named twice is taken once, in the order given", async () => {
  expect((await findImages(at("b.jpg", "*.jpg", "a.PNG", "b.jpg"))).files).toEqual(at("b.jpg", "a.PNG"));
});

test("places without images are told with a reason", async () => {
  const { files, missing } = await findImages(at("b.jpg", "none.jpg", "empty", "*.tiff"));
  expect(files).toEqual(at("b.jpg"));
  expect(missing).toEqual([
    { path: join(root, "none.jpg"), reason: "there is no such file" },
    { path: join(root, "empty"), reason: "the folder holds no images" },
    { path: join(root, "*.tiff"), reason: "no file matches the pattern" },
  ]);
});

test("a listing is sorted by whole paths, follows links to folders once, and goes only as far as asked", async () => {
  const folder = join(root, "order");
  const names = ["a-b.jpg", "a.jpg", "a/1.jpg", "a/b/2.jpg", "a0.jpg"];
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), "");
  }
  symlinkSync("..", join(folder, "a/back"));
  symlinkSync("a/b", join(folder, "c"));
  symlinkSync("nowhere", join(folder, "d.jpg"));
  const expected = [...names, "c/2.jpg"].map((name) => join(folder, name));
  expect((await findImages([folder])).files).toEqual(expected);
  expect((await findImages([folder])).files).toEqual(expected.toSorted());
  const listing = listImages([folder]);
  expect(await listing.next()).toMatchObject({ value: { path: expected[0] } });
  await listing.return();
  expect(await surveyImages([folder, join(root, "empty")])).toEqual({
    count: expected.length,
    longestPath: Math.max(...expected.map((path) => path.length)),
    missing: [{ path: join(root, "empty"), reason: "the folder holds no images" }],
    warnings: ["1 of 7 files was passed over: links to nothing (1)."],
  });
});
