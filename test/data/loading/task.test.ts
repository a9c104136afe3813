import { existsSync } from "node:fs";
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { Preprocessing } from "../../../lib/clip/index.js";
import { FileExample, loadTask, openFolder, taskFromArrays } from "../../../lib/data/index.js";
import * as torch from "../../../lib/torch/index.js";
import { needs } from "../../needs.js";
import { collectGarbage } from "../../torch/fixtures.js";
import { temporaryFolder, writePicture } from "../images.js";

const preprocessing = Preprocessing.openai(28);

describe("loadTask", () => {
  const root = temporaryFolder();
  const colors = { red: { r: 255, g: 0, b: 0 }, blue: { r: 0, g: 0, b: 255 } };
  const open = () => openFolder({ name: "colours", root });

  beforeAll(async () => {
    for (const [name, color] of Object.entries(colors)) {
      for (let i = 0; i < 4; i++) {
        await writePicture(join(root, "train", name, `${i}.png`), { color, width: 40 + 20 * i, height: 60 });
        await writePicture(join(root, "test", name, `${i}.jpg`), { color, width: 48, height: 96 - 24 * i });
      }
    }
  });

  it("stretches training images, crops test images, and keeps labels, shapes and the draw", async () => {
    const progress: string[] = [];
    const onProgress = (done: number, total: number) => void progress.push(`${done}/${total}`);
    const task = await loadTask(await open(), { preprocessing, shots: 3, seed: 5, onProgress });

    expect(task.train.images.shape).toEqual([6, 3, 32, 32]);
    expect(task.test.images.shape).toEqual([8, 3, 28, 28]);
    expect(task.test.images.dtype).toBe("uint8");
    expect(task.train.labels.toArray()).toEqual([0n, 0n, 0n, 1n, 1n, 1n]);
    expect(progress).toEqual(["0/14", "6/14", "6/14", "14/14"]); // a part is less than one batch
    expect(task.sample).toMatchObject({ shots: 3, seed: 5, short: [] });

    torch.scope(() => {
      // The left half is coloured, whatever the image's shape was: stretching keeps fractions of the width.
      const blue = task.train.images.select(0, 0);
      expect(blue.select(2, 5).toArray()).toEqual([0, 0, 255].map((level) => new Array(32).fill(level)));
      expect(blue.select(2, 26).amax().item()).toBe(0);
      const red = task.test.images.select(0, 4);
      const colour = red.select(2, 3).float().mean([1]).toArray() as number[]; // through JPEG: nearly pure
      for (const [channel, level] of [255, 0, 0].entries())
        expect(Math.abs(colour[channel]! - level)).toBeLessThan(4);
    });
    const widths = Array.from(task.train.aspectRatios, (ratio) => Math.round(ratio * 60));
    expect(widths).toEqual(task.sample?.indices.map((index) => 40 + 20 * (index % 4)));
    task.dispose();
    expect(task.train.images.isDisposed).toBe(true);
  });

  it("has a fingerprint of contents, labels and names", async () => {
    const fingerprint = async (dataset: Awaited<ReturnType<typeof open>>) => {
      const task = await loadTask(dataset, { preprocessing });
      task.dispose();
      return task.fingerprint;
    };
    const dataset = await open();
    const original = await fingerprint(dataset);
    expect(original).toMatch(/^[0-9a-f]{64}$/);
    expect(await fingerprint(await open())).toBe(original);
    expect(await fingerprint({ ...dataset, classes: ["blue", "scarlet"] })).not.toBe(original);
    const relabelled = dataset.test.map((example, i) =>
      i === 0 ? new FileExample(root, example.name, 1) : example,
    );
    expect(await fingerprint({ ...dataset, test: relabelled })).not.toBe(original);
    await writePicture(join(root, "test/red/3.jpg"), { color: { r: 250, g: 0, b: 0 } });
    expect(await fingerprint(dataset)).not.toBe(original);
  });

  it("lists unreadable images after trying all of them, and releases what it loaded", async () => {
    const broken = temporaryFolder();
    for (let i = 0; i < 4; i++)
      await writePicture(join(broken, "train/cat", `${i}.png`), { width: 64, height: 64 });
    for (const part of ["train", "test"]) await writePicture(join(broken, part, "cat/good.png"));
    for (let i = 0; i < 4; i++) await writeFile(join(broken, "train/cat", `text${i}.jpg`), "no image");
    await writeFile(join(broken, "train/cat/empty.jpg"), "");
    await truncate(join(broken, "train/cat/3.png"), 80);
    await collectGarbage();
    const before = torch.memoryStatistics().liveTensors;
    const dataset = await openFolder({ name: "broken", root: broken });
    const error = await loadTask(dataset, { preprocessing }).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error?.message).toMatch(
      /got 6 of 10 that are not\. Replace or remove them; the first 5:\n {2}.*cat\/3\.png: /,
    );
    expect(error?.message).toMatch(/text2\.jpg: .*unsupported image format$/);
    expect(error?.message.split("\n")).toHaveLength(6);
    expect(torch.memoryStatistics().liveTensors).toBe(before);
  });
});

describe("taskFromArrays", () => {
  const arrays = {
    images: Uint8Array.from({ length: 2 * 2 * 2 * 3 }, (_, i) => i),
    labels: Int32Array.from([1, 0]),
  };
  const source = {
    name: "tiny",
    classes: ["a", "b"],
    templates: ["a {}."],
    size: 2,
    train: arrays,
    test: arrays,
  };

  it("puts channels first", () => {
    const task = taskFromArrays(source);
    expect(task.train.images.select(0, 0).toArray()).toEqual([
      [
        [0, 3],
        [6, 9],
      ],
      [
        [1, 4],
        [7, 10],
      ],
      [
        [2, 5],
        [8, 11],
      ],
    ]);
    expect(task.train.labels.toArray()).toEqual([1n, 0n]);
    expect([...task.test.aspectRatios]).toEqual([1, 1]);
    task.dispose();
  });

  it("refuses arrays that do not fit and names that clash", () => {
    expect(() => taskFromArrays({ ...source, size: 3 })).toThrow(
      /as many elements as shape \[2, 3, 3, 3\] has, got 24\./,
    );
    expect(() => taskFromArrays({ ...source, classes: ["a", "A"] })).toThrow(/got "a" and "A"/);
  });
});

const realmini = new URL("../../../../shared/data/realmini", import.meta.url).pathname;

const needsRealmini = needs(
  existsSync(realmini),
  "no ../shared/data/realmini",
  "photographs that are not part of the repository",
);

describe("realmini", needsRealmini, () => {
  it.each(["mnist", "caltech101", "gtsrb"])("loads %s", async (name) => {
    const dataset = await openFolder({ name, root: join(realmini, name) });
    const task = await loadTask(dataset, { preprocessing, shots: 4, seed: 0 });
    expect(task.train.length).toBe(4 * dataset.classes.length);
    expect(task.test.length).toBe(20 * dataset.classes.length);
    // Real pictures: no image is flat, and the average is neither black nor white.
    torch.scope(() => {
      const pixels = task.test.images.float().flatten(1);
      expect(pixels.std([1]).amin().item()).toBeGreaterThan(1);
      expect(pixels.mean().item()).toBeGreaterThan(10);
      expect(pixels.mean().item()).toBeLessThan(245);
    });
    task.dispose();
  });
});
