import { readdirSync, statSync } from "node:fs";
import { type FileHandle, mkdir, open, readFile, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { DecodedImage } from "../../../lib/clip/index.js";
import { type Example, FileExample, ImageCache, loadImages } from "../../../lib/data/index.js";
import * as torch from "../../../lib/torch/index.js";
import { examples, fill, missing, size } from "../examples.js";
import { temporaryFolder } from "../images.js";

const folder = temporaryFolder();
let caches = 0;
const newCache = () => new ImageCache(join(folder, `cache${caches++}`));

/** Loads a list: its contents, and the number of images that had to be decoded. */
async function load(list: readonly Example[], cache?: ImageCache, transform = fill()) {
  using set = await loadImages(list, transform, { cache, name: "colours" });
  const { fingerprint, aspectRatios } = set;
  const contents = [set.images.toArray(), set.labels.toArray(), [...aspectRatios], fingerprint];
  return { contents, decoded: transform.applied.length };
}

/** Is stopped when so many images are done. */
async function loadUntil(count: number, list: readonly Example[], cache: ImageCache): Promise<void> {
  const controller = new AbortController();
  const onProgress = (done: number) => {
    if (done >= count) controller.abort(new Error("stopped"));
  };
  const loading = loadImages(list, fill(), { cache, name: "stopped", signal: controller.signal, onProgress });
  await expect(loading).rejects.toThrow("stopped");
}

function files({ directory }: ImageCache, extension: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(`.${extension}`))
    .map((name) => join(directory, name));
}

const finishedFile = (cache: ImageCache) => files(cache, "safetensors")[0] as string;

/** Images in files of one byte. */
async function writeImages(name: string, count: number): Promise<FileExample[]> {
  const root = join(folder, name);
  await mkdir(root, { recursive: true });
  const list = Array.from({ length: count }, (_, value) => new FileExample(root, `${value}`, value));
  await Promise.all(list.map(({ file }, value) => writeFile(file, Uint8Array.of(value))));
  return list;
}

describe("a cache", () => {
  it("gives what was loaded without it, and decodes once", async () => {
    const cache = newCache();
    const list = examples(70);
    const { contents } = await load(list);
    expect(await load(list, cache)).toEqual({ contents, decoded: 70 });
    expect(await load(list, cache)).toEqual({ contents, decoded: 0 });
    expect(await load(list, new ImageCache(cache.directory))).toEqual({ contents, decoded: 0 });
    expect(files(cache, "part")).toEqual([]);
  });

  it("reads no image whose file has not changed", async () => {
    const cache = newCache();
    const list = await writeImages("unread", 5);
    await load(list, cache);
    const reading = vi.spyOn(FileExample.prototype, "read");
    onTestFinished(() => reading.mockRestore());
    expect((await load(list, cache)).decoded).toBe(0);
    expect(reading).not.toHaveBeenCalled();
  });

  it("goes by contents: touched and copied files are not decoded, changed ones are", async () => {
    const cache = newCache();
    const list = await writeImages("original", 5);
    await load(list, cache);
    await utimes(list[0]?.file as string, 1e9, 1e9);
    expect((await load(list, cache)).decoded).toBe(0);
    expect((await load(await writeImages("copy", 5), cache)).decoded).toBe(0);

    await writeFile(list[0]?.file as string, Uint8Array.of(99));
    const { contents, decoded } = await load(list, cache);
    expect(decoded).toBe(5);
    expect(contents).toEqual((await load(list)).contents);
  });

  it("keeps lists, orders and transforms apart", async () => {
    const cache = newCache();
    const list = examples(4);
    await load(list, cache);
    expect((await load(list.toReversed(), cache)).decoded).toBe(4);
    expect((await load(list.slice(1), cache)).decoded).toBe(3);
    expect((await load(list, cache, { ...fill(), key: "another" })).decoded).toBe(4);
    expect((await load(list, cache)).decoded).toBe(0);
  });

  it("keeps images that the dataset has as pixels, also where only their shapes differ", async () => {
    const cache = newCache();
    const shaped = (width: number, height: number): Example[] => [
      {
        ...(examples(1)[0] as Example),
        name: `${width}`,
        read: async () => ({ pixels: new Uint8Array(6), width, height }),
      },
    ];
    const transform = () => {
      const { apply, ...rest } = fill();
      return { ...rest, apply: (image: Uint8Array | DecodedImage) => apply((image as DecodedImage).pixels) };
    };
    expect((await load(shaped(2, 1), cache, transform())).decoded).toBe(1);
    expect((await load(shaped(1, 2), cache, transform())).decoded).toBe(1);
    expect((await load(shaped(2, 1), cache, transform())).decoded).toBe(0);
  });

  it("holds an empty list", async () => {
    const cache = newCache();
    for (let i = 0; i < 2; i++) {
      using set = await loadImages([], fill(), { cache });
      expect(set.images.shape).toEqual([0, 3, size, size]);
    }
  });

  it("is a folder of safetensors files", async () => {
    const cache = newCache();
    const { contents } = await load(examples(3), cache);
    torch.scope(() => {
      const { tensors, metadata } = torch.safetensors.load(finishedFile(cache));
      expect(tensors.get("images")?.toArray()).toEqual(contents[0]);
      expect(metadata).toEqual({ name: "colours", transform: "fill" });
    });
  });

  it("maps images that stay when the cache is cleared, until they are disposed", async () => {
    const cache = newCache();
    const before = torch.memoryStatistics().liveTensors;
    const set = await loadImages(examples(3), fill(), { cache });
    await cache.clear();
    expect(readdirSync(cache.directory)).toEqual([]);
    expect(torch.scope(() => set.images.amax([1, 2, 3]).toArray())).toEqual([0, 1, 2]);
    set.dispose();
    expect(torch.memoryStatistics().liveTensors).toBe(before);
  });
});

describe("interrupted loading", () => {
  it("goes on where it was stopped", async () => {
    const cache = newCache();
    const list = examples(200);
    await loadUntil(96, list, cache);
    expect(files(cache, "part")).toHaveLength(1);
    const { contents, decoded } = await load(list, cache);
    expect(decoded).toBe(200 - 96);
    expect(contents).toEqual((await load(list)).contents);
    expect(files(cache, "part")).toEqual([]);
  });

  it("does not touch the part of a living process, and takes over that of a dead one", async () => {
    const cache = newCache();
    const list = examples(64);
    await loadUntil(32, list, cache);
    // Two loads at a time: the first takes the part, the second begins anew.
    const outcomes = await Promise.all([
      load(
        list,
        cache,
        fill(() => 5),
      ),
      load(
        list,
        cache,
        fill(() => 5),
      ),
    ]);
    expect(outcomes.map(({ decoded }) => decoded).sort()).toEqual([32, 64]);
    expect(outcomes[0].contents).toEqual(outcomes[1].contents);
  });

  it("checks what it finds in a part", async () => {
    const cache = newCache();
    const list = examples(64);
    await loadUntil(32, list, cache);
    await overwrite(files(cache, "part")[0] as string, 4096 + 12 * 64 + 48 * 7, 1); // in the pixels of image 7
    const { contents, decoded } = await load(list, cache);
    expect(decoded).toBe(33);
    expect(contents).toEqual((await load(list)).contents);
  });
});

async function overwrite(path: string, position: number, value: number): Promise<void> {
  const handle = await open(path, "r+");
  await handle.write(Buffer.alloc(1, value), 0, 1, position);
  await handle.close();
}

describe("damage", () => {
  const list = examples(40);
  const bytes = 4096 + 40 * (12 + 48);

  it.each<[string, (path: string) => Promise<void>, decoded: number]>([
    ["a file cut off", (path) => truncate(path, bytes - 100), 3],
    ["an empty file", (path) => truncate(path, 0), 40],
    ["a longer file", (path) => truncate(path, bytes + 1), 0],
    ["another file in its place", (path) => writeFile(path, "no images"), 40],
    ["another file of the same length", (path) => writeFile(path, Buffer.alloc(bytes, "x")), 40],
    ["changed pixels", (path) => overwrite(path, bytes - 1, 7), 1],
    ["a changed record", (path) => overwrite(path, 4096 + 12 * 5, 200), 1],
  ])("makes what is damaged again: %s", async (_, damage, decoded) => {
    const cache = newCache();
    const { contents } = await load(list, cache);
    expect(statSync(finishedFile(cache)).size).toBe(bytes);
    await damage(finishedFile(cache));
    expect(await load(list, cache)).toEqual({ contents, decoded });
    expect(await load(list, cache)).toEqual({ contents, decoded: 0 });
    expect(statSync(finishedFile(cache)).size).toBe(bytes);
  });

  it.each([
    ["cut off", (path: string) => truncate(path, 100)],
    ["changed", (path: string) => overwrite(path, 100, 1)],
  ])("reads the images again when their remembered digests are %s", async (_, damage) => {
    const cache = newCache();
    const { contents } = await load(list, cache);
    await damage(files(cache, "digests")[0] as string);
    expect(await load(list, cache)).toEqual({ contents, decoded: 0 });
  });
});

describe("failures", () => {
  it("lists unreadable images and leaves nothing", async () => {
    const cache = newCache();
    const list = [...examples(3), missing("a.jpg"), missing("b.jpg")];
    await expect(load(list, cache)).rejects.toThrow(
      /got 2 of 5 that are not.*\n.*a\.jpg: no such file\n.*b\.jpg/,
    );
    expect(readdirSync(cache.directory)).toEqual([]);
  });

  it("explains a full disk and leaves nothing half-written", async () => {
    const cache = newCache();
    const handle = await open(import.meta.filename);
    const prototype = Object.getPrototypeOf(handle) as FileHandle;
    await handle.close();
    const { write } = prototype;
    let writes = 0;
    const failing = vi.spyOn(prototype, "write").mockImplementation(function (
      this: FileHandle,
      ...args: never[]
    ) {
      if (++writes < 4) return (write as (...args: never[]) => never).apply(this, args);
      const error = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
      return Promise.reject(error) as never;
    });
    onTestFinished(() => failing.mockRestore());
    await expect(load(examples(200), cache)).rejects.toThrow(
      /expected \d+\.\d KiB of space to write to, but the disk is full \(ENOSPC\)\. Free some with `codyra data cache --clear`/,
    );
    expect([...files(cache, "part"), ...files(cache, "safetensors"), ...files(cache, "tmp")]).toEqual([]);
    failing.mockRestore();
    expect((await load(examples(200), cache)).decoded).toBe(200);
  });

  it("refuses to begin what will not fit", async () => {
    const cache = newCache();
    const huge = { ...fill(), size: 200_000, key: "huge" }; // 120 GB an image; the file is never that long on disk
    await expect(load(examples(200), cache, huge)).rejects.toThrow(
      /expected \d+\.\d GiB of space to write to, but (only .* are free|the disk is full)/,
    );
    expect(files(cache, "part")).toEqual([]);
  });

  it("notices files that change while they are loaded", async () => {
    const cache = newCache();
    let reads = 0;
    const changing = { ...(examples(1)[0] as Example), read: async () => Uint8Array.of(reads++) };
    await expect(load([changing], cache)).rejects.toThrow(/got changes in colours during loading/);
    expect(files(cache, "part")).toEqual([]);
  });
});

describe("list and clear", () => {
  it("tells what there is, and removes only its own files", async () => {
    const cache = newCache();
    expect(await cache.list()).toEqual([]);
    expect(await cache.clear()).toEqual({ freedBytes: 0, beingWritten: 0 });
    await load(examples(3), cache);
    const old = new Date(Date.now() - 3 * 24 * 3600 * 1000);
    await utimes(finishedFile(cache), old, old);
    await loadUntil(32, examples(64), cache);
    await writeFile(join(cache.directory, "notes.txt"), "mine");
    await writeFile(join(cache.directory, `${"0".repeat(64)}.safetensors`), "not of the cache");

    const [part, whole, ...others] = await cache.list();
    expect(others).toEqual([]);
    expect(part).toMatchObject({ name: "stopped", count: 64, isComplete: false });
    expect(whole).toMatchObject({
      name: "colours",
      transform: "fill",
      count: 3,
      isComplete: true,
      lastUse: old,
    });
    expect(whole?.bytes).toBeGreaterThanOrEqual(4096);

    const unusedSince = new Date(Date.now() - 24 * 3600 * 1000);
    expect(await cache.list({ unusedSince })).toHaveLength(1);
    expect((await cache.clear({ unusedSince })).freedBytes).toBe(whole?.bytes);
    expect(await cache.list()).toHaveLength(1);
    await cache.clear();
    expect(await cache.list()).toEqual([]);
    expect(await readFile(join(cache.directory, "notes.txt"), "utf8")).toBe("mine");
  });

  it("tells when images were last used", async () => {
    const cache = newCache();
    await load(examples(3), cache);
    const old = new Date(0);
    await utimes(finishedFile(cache), old, old);
    await load(examples(3), cache);
    expect((await cache.list())[0]?.lastUse.getTime()).toBeGreaterThan(Date.now() - 60_000);
  });

  it("leaves what is being written", async () => {
    const cache = newCache();
    let finish = () => {};
    const isCleared = new Promise<void>((done) => {
      finish = done;
    });
    const transform = fill();
    const apply: typeof transform.apply = (image) => isCleared.then(() => transform.apply(image));
    const loading = load(examples(64), cache, { ...transform, apply });
    await vi.waitFor(() => expect(files(cache, "part")).toHaveLength(1), 60_000);
    expect((await cache.clear()).beingWritten).toBe(1);
    finish();
    expect((await loading).decoded).toBe(64);
  });
});
