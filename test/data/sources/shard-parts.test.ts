import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { create } from "tar";
import { expect, it } from "vitest";
import { openWebDataset, type WebDatasetOptions } from "../../../lib/data/index.js";
import { temporaryFolder } from "../images.js";

const folder = temporaryFolder();

/** A shard of eight samples of two classes, with a field of each in their `.json` files. */
async function shard(name: string, field: string, values: readonly unknown[]): Promise<string> {
  const cwd = join(folder, `${name}-files`);
  await mkdir(cwd, { recursive: true });
  const files: string[] = [];
  for (const [i, value] of values.entries()) {
    await writeFile(join(cwd, `${i}.jpg`), `${i}`);
    await writeFile(join(cwd, `${i}.json`), JSON.stringify({ label: i % 2, [field]: value }));
    files.push(`${i}.jpg`, `${i}.json`);
  }
  const file = join(folder, `${name}.tar`);
  await create({ file, cwd, portable: true }, files);
  return file;
}

const openShards = (webdataset: WebDatasetOptions["webdataset"], options: Partial<WebDatasetOptions> = {}) =>
  openWebDataset({ name: "pets", webdataset, ...options });

const mixed = ["test", "train", "Train", "TEST", "train", "training", "dev", "val"];
const train = Array<string>(8).fill("train");

it.each(["split", "SPLIT", "which"])("samples are of the part in their field %s", async (field) => {
  const dataset = await openShards(await shard(`one-${field}`, field, mixed));
  expect(dataset.split).toBe("given");
  expect([dataset.train.length, dataset.validation.length, dataset.test.length]).toEqual([4, 2, 2]);
  expect(dataset.test.map(({ name }) => name)).toEqual([`one-${field}.tar/0.jpg`, `one-${field}.tar/3.jpg`]);
  expect(dataset.warnings).toContain(`The parts are those of the field "${field}".`);
});

it("splitField names the field, whatever the shards are called", async () => {
  const file = await shard("all-test", "where", mixed);
  expect((await openShards(file, { splitField: "where" })).test).toHaveLength(2);
  await expect(openShards(file, { splitField: "part" })).rejects.toThrow(
    `${file}: 0.jpg: expected part to be train, validation, val or test, got nothing. Correct it.`,
  );
});

it("labels are no parts, also where all are words for them", async () => {
  const kinds = ["train", "test", "train", "test", "train", "test"];
  const { split } = await openShards(await shard("labels", "kind", kinds), { labelField: "kind" });
  expect(split).not.toBe("given");
});

it("a field that is not used is named", async () => {
  const flags = await openShards(await shard("flags", "is_test", [1, 1, 0, 0, 0, 0, 0, 0]));
  expect(flags.warnings?.join()).toMatch(/"is_test" seems to tell a part, but has other values/);
  const train = await shard("a-train", "split", mixed);
  const test = await shard("b-test", "split", Array(8).fill("test"));
  const dataset = await openShards({ train, test });
  expect(dataset.train).toHaveLength(8);
  expect(dataset.warnings?.join()).toMatch(/^"split" tells another part than the files for 4 of 16 images/);
});

it("images are drawn where all are for training, and it is said", async () => {
  const { split, warnings } = await openShards(await shard("same", "split", train));
  expect(split).toEqual({ trainFraction: 0.8, seed: 0 });
  expect(warnings).toContain("All images are for training: test images are drawn from them.");
});

it("shards for validation are tested on where there are none for tests", async () => {
  const [first, second] = [await shard("train-0", "x", train), await shard("valid-0", "x", train)];
  const dataset = await openShards([first, second]);
  expect([dataset.train.length, dataset.validation.length, dataset.test.length]).toEqual([8, 0, 8]);
  expect(dataset.warnings).toContain("There are no images for tests: those for validation are tested on.");
});
