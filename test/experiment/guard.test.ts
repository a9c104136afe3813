import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { readConfig, readGuard, run } from "../../lib/experiment/index.js";
import { readGuardRecord } from "../../lib/records/index.js";
import { fixture } from "../clip/fixtures.js";
import { temporaryFolder, writePicture } from "../data/images.js";

const colours = {
  red: { r: 220, g: 40, b: 40 },
  green: { r: 40, g: 200, b: 40 },
  blue: { r: 40, g: 40, b: 220 },
};

/** A stream of two datasets, and a guard over both, pairs and an index. @returns the configuration's path */
async function writeStream(folder: string, guard: unknown, overrides: Record<string, unknown> = {}) {
  for (const dataset of ["a", "b"]) {
    for (const [name, color] of Object.entries(colours)) {
      for (const [part, count] of [
        ["train", 3],
        ["test", 2],
      ] as const) {
        for (let i = 0; i < count; i++) {
          const shade = Object.fromEntries(Object.entries(color).map(([key, value]) => [key, value - 9 * i]));
          await writePicture(join(folder, dataset, part, name, `${i}.png`), { color: shade as typeof color });
        }
      }
    }
  }
  const captions = Object.keys(colours).map((name) => `a/test/${name}/0.png,a ${name} photo`);
  writeFileSync(join(folder, "pairs.csv"), `image,caption\n${captions.join("\n")}\n`);
  writeFileSync(join(folder, "queries.txt"), "a red photo\na blue photo\n");
  const config = {
    model: fixture("quick-gelu"),
    method: "lora",
    options: { iterations: 6, batchSize: 9, learningRate: 0.1, rank: 4 },
    output: "run",
    cache: false,
    datasets: ["a", "b"].map((name) => ({ name, root: name, template: "a {} photo." })),
    guard,
    ...overrides,
  };
  const path = join(folder, "stream.yaml");
  writeFileSync(path, stringify(config));
  return path;
}

const guard = {
  datasets: [{ name: "a", root: "a", template: "a {} photo." }],
  holdOuts: [{ name: "b", root: "b", template: "a {} photo." }],
  retrieval: { pairs: "pairs.csv" },
  index: { images: ["a/test"], queries: "queries.txt" },
  limits: { cosine: 0.9999, sizeRatio: 1 },
};

function writeGuard(folder: string, content: unknown): string {
  const path = join(folder, "guard.yaml");
  writeFileSync(path, stringify(content));
  return path;
}

describe("guard: of a configuration", () => {
  it("measures the model after every task against the one before the stream", async () => {
    const folder = temporaryFolder();
    const said: string[] = [];
    const config = readConfig(await writeStream(folder, guard));
    await run(config, { observer: { say: (line) => void said.push(line.trim()) } });
    const records = [0, 1].map((task) => readGuardRecord(join(folder, "run"), task)!);
    for (const [i, { dataset, measures, drift, advice, isBroken }] of records.entries()) {
      expect(dataset).toBe(["a", "b"][i]);
      expect(measures.map(({ kind }) => kind)).toEqual([
        "accuracy",
        "zero-shot",
        ...Array(3).fill(["image-to-text", "text-to-image"]).flat(),
        "neighbours",
        "cosine",
        "size",
        "time",
      ]);
      expect(drift!.cosine.index).toBeLessThan(0.9999);
      expect(advice).toMatch(/index/);
      expect(isBroken).toBe(true);
    }
    const before = records.map(({ measures }) => measures.slice(0, 8).map((each) => each.before));
    expect(before[1]).toEqual(before[0]); // the model before the stream, also after two tasks
    expect(said).toContain(
      "guard: after a, limits are broken: cosine index vectors. The task is kept, and marked.",
    );
    const recorded = JSON.parse(readFileSync(join(folder, "run", "run.json"), "utf8"));
    expect(recorded.config.guard.index.images).toEqual([join(folder, "a/test")]);
  });

  it("is read from a file of codyra check, and compares with the model that it names", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "guards"));
    const { datasets, limits } = { datasets: [{ name: "a", root: "../a" }], limits: { sizeRatio: 1 } };
    const against = fixture("quick-gelu");
    writeFileSync(join(folder, "guards", "shop.yaml"), stringify({ datasets, limits, against }));
    const config = readConfig(
      await writeStream(folder, "guards/shop.yaml", { method: "zero-shot", options: {} }),
    );
    await run(config);
    expect(readGuardRecord(join(folder, "run"), 1)).toMatchObject({ against, dataset: "b" });
  });

  it("has the model that it names read images as the run does", async () => {
    const folder = temporaryFolder();
    const clear = {
      create: { width: 24, height: 24, channels: 4, background: { r: 220, g: 0, b: 0, alpha: 0 } },
    };
    mkdirSync(join(folder, "glass"));
    await sharp(clear as sharp.SharpOptions)
      .png()
      .toFile(join(folder, "glass", "0.png"));
    const against = fixture("quick-gelu");
    const index = { images: ["glass"], queries: "queries.txt" };
    const settings = { method: "zero-shot", options: {}, transparency: "white" };
    await run(readConfig(await writeStream(folder, { index, against }, settings)));
    const { drift } = readGuardRecord(join(folder, "run"), 1)!;
    expect(drift!.cosine.index).toBeCloseTo(1, 6);
  });

  it("says what of it does not fit", async () => {
    const folder = temporaryFolder();
    const misspelt = await writeStream(folder, { ...guard, limits: { cosines: 1 } });
    expect(() => readConfig(misspelt)).toThrow(/guard.*cosines/s);
    const nothing = await writeStream(folder, "none.yaml");
    expect(() => readConfig(nothing)).toThrow(/guard: .*none\.yaml: expected a text file, got ENOENT/);
  });

  it.each([
    ["accuracyDrop", "datasets"],
    ["zeroShotDrop", "holdOuts"],
    ["recallDrop", "retrieval"],
    ["neighboursKept", "index"],
    ["cosine", "index"],
  ])("refuses %s without %s, which it is measured on", async (limit, section) => {
    const folder = temporaryFolder();
    const { [section as keyof typeof guard]: _, ...rest } = guard;
    const unmeasured = { ...rest, limits: { sizeRatio: 1, timeRatio: 9, [limit]: 1 } };
    const expected = new RegExp(
      `: expected the data that each limit is measured on, got none for limits\\.${limit} \\(${section}\\)\\. Add`,
    );
    expect(() => readGuard(writeGuard(folder, unmeasured))).toThrow(expected);
    const stream = await writeStream(folder, unmeasured);
    expect(() => readConfig(stream)).toThrow(expected);
    expect(readGuard(writeGuard(folder, { ...guard, limits: unmeasured.limits })).limits).toEqual(
      unmeasured.limits,
    );
  });

  it("names every limit that is measured on nothing", () => {
    const { datasets } = guard;
    const limits = { zeroShotDrop: 0, neighboursKept: 1, recallDrop: 0, accuracyDrop: 1 };
    const path = writeGuard(temporaryFolder(), { datasets, holdOuts: [], limits });
    expect(() => readGuard(path)).toThrow(
      `${path}: expected the data that each limit is measured on, got none for ` +
        "limits.zeroShotDrop (holdOuts), limits.recallDrop (retrieval), limits.neighboursKept (index). Add",
    );
  });
});
