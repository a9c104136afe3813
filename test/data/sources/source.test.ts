import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { create } from "tar";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { openSource, resolveSource, sourceSchema } from "../../../lib/data/index.js";
import { temporaryFolder } from "../images.js";
import { touchIn } from "../touch.js";

const fixtures = join(import.meta.dirname, "../fixtures/parquet");
const folder = temporaryFolder();

/** As a task file is read. */
const sourceOf = (yaml: string) => resolveSource(sourceSchema.parse(parse(yaml)), folder);

const touch = touchIn(folder);

describe("openSource", () => {
  it("opens a folder", async () => {
    await touch(
      "signs/fit/stop/1.jpg",
      "signs/fit/go/2.jpg",
      "signs/tune/go/3.jpg",
      "signs/test/stop/4.jpg",
      "signs/test/go/5.jpg",
    );
    const source = sourceOf(`
      name: signs
      root: signs
      trainFolder: fit
      validationFolder: tune
      template: ["a {}.", "one {}."]
      classes: { stop: stop sign, go: go sign }`);
    const dataset = await openSource(source);
    expect(dataset.classes).toEqual(["stop sign", "go sign"]);
    expect(dataset.templates).toEqual(["a {}.", "one {}."]);
    expect([dataset.train.length, dataset.validation.length, dataset.test.length]).toEqual([2, 1, 2]);
  });

  it("opens a manifest, with integers as labels", async () => {
    const rows = ["path,label", ...Array.from({ length: 8 }, (_, i) => `${i}.jpg,${i % 2}`)];
    await writeFile(join(folder, "list.csv"), rows.join("\n"));
    const source = sourceOf(
      "{ name: digits, manifest: list.csv, images: pictures, classes: [1, 0], split: 0.5, seed: 3 }",
    );
    const dataset = await openSource(source);
    expect(dataset.classes).toEqual(["1", "0"]);
    expect(dataset.split).toEqual({ trainFraction: 0.5, seed: 3 });
    expect(dataset.train[0]?.file).toMatch(join(folder, "pictures"));
    expect(dataset.train).toHaveLength(4);
  });

  it("opens Parquet", async () => {
    const dataset = await openSource(sourceOf(`{ name: pets, parquet: ${fixtures}/hub, template: "a {}." }`));
    expect(dataset.classes).toEqual(["maine coon", "beagle"]);
    const parts = { train: "a-*.parquet", test: ["b.parquet", "/c.parquet"] };
    expect(resolveSource({ name: "pets", parquet: parts } as never, "/data (1)")).toEqual({
      name: "pets",
      parquet: { train: ["/data \\(1\\)/a-*.parquet"], test: ["/data (1)/b.parquet", "/c.parquet"] },
    });
  });

  it("opens WebDataset shards", async () => {
    await touch("a.jpg");
    await writeFile(join(folder, "a.json"), '{"kind": "cat"}');
    for (const shard of ["train-0.tar", "train-1.tar", "test-0.tar"]) {
      await create({ file: join(folder, shard), cwd: folder }, ["a.jpg", "a.json"]);
    }
    const source = sourceOf(`
      name: cats
      webdataset: { train: "train-{0..1}.tar", test: test-0.tar }
      labelField: kind`);
    const dataset = await openSource(source);
    expect(dataset.classes).toEqual(["cat"]);
    expect(dataset.train.map(({ name }) => name)).toEqual(["train-0.tar/a.jpg", "train-1.tar/a.jpg"]);
  });
});

describe("sourceSchema", () => {
  it.each([
    [
      "{ name: x }",
      /expected one of root, manifest, parquet, webdataset to say where the images are, got none/,
    ],
    ["{ name: x, root: a, parquet: b }", /expected one of .*, got root and parquet/],
    ["text", /expected one of root/],
    ["{ name: x, root: a, splt: 0.5 }", /Unrecognized key: "splt"/],
    ["{ name: x, root: a, labelColumn: b }", /Unrecognized key: "labelColumn"/],
    ["{ name: x, root: a, split: 80 }", /<1\s+→ at split/],
    ["{ root: a }", /name: .*expected string/],
    [
      "{ name: x, manifest: [a, b] }",
      /manifest: expected a path, or a map with these for train, validation and test/,
    ],
    ["{ name: x, parquet: { train: a } }", /parquet: expected a path or a list of paths, or a map/],
    [
      "{ name: x, webdataset: a, classes: cat }",
      /classes: expected a list of labels, or a map from label to class name/,
    ],
  ])("%s", (yaml, message) => {
    const { error } = sourceSchema.safeParse(parse(yaml));
    expect(z.prettifyError(error as z.ZodError)).toMatch(message);
  });

  it("describes every option", () => {
    for (const kind of sourceSchema.options) {
      for (const [key, option] of Object.entries(kind.shape)) expect(option.description, key).toBeTruthy();
    }
  });
});
