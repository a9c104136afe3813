import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it, onTestFinished } from "vitest";
import { imageItem, modelFingerprint, readEmbeddings, writeEmbeddings } from "../../lib/embeddings/index.js";
import { fromTypedArray, noGrad, scope } from "../../lib/torch/index.js";
import { tinyClip } from "../lora/models.js";

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "codyra-embeddings-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Images of one colour each in folders `a` and `b`. */
async function colours(count: number) {
  const folder = temporaryFolder();
  const files = Array.from({ length: count }, (_, i) => join(folder, i % 2 ? "a" : "b", `${i}.png`));
  for (const label of ["a", "b"]) mkdirSync(join(folder, label));
  for (const [i, file] of files.entries()) {
    const background = { r: (i * 53) % 256, g: (i * 101) % 256, b: (i * 17) % 256 };
    await sharp({ create: { width: 40, height: 40, channels: 3, background } })
      .png()
      .toFile(file);
  }
  return { folder, files, items: files.map((file) => imageItem(file, [folder])) };
}

async function vectorsIn(path: string) {
  const { vectors, ...rest } = await readEmbeddings(path);
  using held = vectors;
  return { ...rest, vectors: held.toArray() as number[][] };
}

const options = { modelName: "tiny", batchSize: 2 };

/**
 * A file of vectors, and the journal of another one of the same images that was stopped after four of them.
 */
async function stoppedAfterFour(count: number) {
  const { items, files } = await colours(count);
  const model = tinyClip();
  const folder = temporaryFolder();
  const [undisturbed, target] = [join(folder, "a.npy"), join(folder, "b.npy")];
  await writeEmbeddings(undisturbed, "images", items, model, options);
  const controller = new AbortController();
  const onProgress = (done: number) => done >= 4 && controller.abort(new Error("enough"));
  const given = { ...options, signal: controller.signal, onProgress };
  await expect(writeEmbeddings(target, "images", items, model, given)).rejects.toThrow("enough");
  return { folder, undisturbed, target, items, files, model };
}

describe("writeEmbeddings", () => {
  it.each([".parquet", ".npy", ".safetensors"])(
    "writes a %s file that reads back as it was",
    async (extension) => {
      const { items } = await colours(5);
      const model = tinyClip();
      const target = join(temporaryFolder(), `vectors${extension}`);
      expect(await writeEmbeddings(target, "images", items, model, options)).toEqual({
        rows: 5,
        resumed: 0,
        unreadable: [],
      });
      const found = await vectorsIn(target);
      const fingerprint = modelFingerprint(model);
      expect(found.info).toEqual({
        kind: "images",
        width: model.config.embedDim,
        model: "tiny",
        fingerprint,
      });
      expect(found.items).toEqual(items);
      expect(found.items.map(({ label }) => label)).toEqual(["b", "a", "b", "a", "b"]);
      const [, , , fourth] = items;
      const { pixels } = await model.preprocessing.transform.apply(readFileSync(fourth?.name as string));
      const size = model.preprocessing.transform.size;
      const expected = noGrad(() =>
        scope(() => {
          const image = fromTypedArray(pixels, [1, size, size, 3]).permute([0, 3, 1, 2]);
          const features = model.encodeImage(model.preprocessing.normalise(image));
          return features.div(features.norm()).toArray() as number[][];
        }),
      );
      expect(found.vectors[3]).toEqual(expected[0]?.map((value) => expect.closeTo(value, 5)));
      expect(existsSync(`${target}.partial`)).toBe(false);
      await expect(writeEmbeddings(target, "images", items, model, options)).rejects.toThrow(
        /exists already/,
      );
    },
  );

  it("embeds texts as they are, commas, quotes and line ends included", async () => {
    const model = tinyClip();
    const items = ['a "red" shoe, left', "two\nlines", "ünï", "a\u2028b"].map((name) => ({
      name,
      label: "",
    }));
    for (const extension of [".npy", ".parquet"]) {
      const target = join(temporaryFolder(), `texts${extension}`);
      await writeEmbeddings(target, "texts", items, model, options);
      const found = await vectorsIn(target);
      expect(found.items).toEqual(items);
      const expected = noGrad(() =>
        scope(() => {
          const features = model.encodeText(model.tokenizer.encode(["ünï"]));
          return features.div(features.norm()).toArray() as number[][];
        }),
      );
      expect(found.vectors[2]).toEqual(expected[0]?.map((value) => expect.closeTo(value, 5)));
    }
  });

  it("goes on after an abort where it ended, to the same vectors", async () => {
    const { folder, undisturbed, target, items, model } = await stoppedAfterFour(7);
    expect(existsSync(target)).toBe(false);
    const { resumed, rows } = await writeEmbeddings(target, "images", items, model, options);
    expect({ resumed, rows }).toEqual({ resumed: 4, rows: 7 });
    expect(readFileSync(target).equals(readFileSync(undisturbed))).toBe(true);
    expect(readFileSync(join(folder, "b.csv")).equals(readFileSync(join(folder, "a.csv")))).toBe(true);
  });

  it.each([
    ["a line was cut", (folder: string) => appendFileSync(join(folder, "rows.jsonl"), '{"name":"x')],
    [
      "vectors came without a line",
      (folder: string) => appendFileSync(join(folder, "vectors.f32"), "abcdefg"),
    ],
    [
      "lines came without vectors",
      (folder: string) => truncateSync(join(folder, "vectors.f32"), 4 * 16 * 3 + 5),
    ],
  ])("goes on after a crash in which %s", async (_, damage) => {
    const { undisturbed, target, items, model } = await stoppedAfterFour(6);
    damage(`${target}.partial`);
    const { resumed } = await writeEmbeddings(target, "images", items, model, options);
    expect(resumed).toBeGreaterThan(0);
    expect(readFileSync(target).equals(readFileSync(undisturbed))).toBe(true);
  });

  it("embeds images again that were overwritten in between, with all after them", async () => {
    const { folder, target, items, files, model } = await stoppedAfterFour(6);
    writeFileSync(files[2] as string, readFileSync(files[5] as string));
    const { resumed, rows } = await writeEmbeddings(target, "images", items, model, options);
    expect({ resumed, rows }).toEqual({ resumed: 2, rows: 6 });
    const anew = join(folder, "anew.npy");
    await writeEmbeddings(anew, "images", items, model, options);
    expect(readFileSync(target).equals(readFileSync(anew))).toBe(true);
    expect((await vectorsIn(target)).items).toEqual(items);
  });

  it("tells an image overwritten by one of the same size from what it was", async () => {
    const { target, items, files, model } = await stoppedAfterFour(5);
    utimesSync(files[0] as string, new Date(), new Date(1e12));
    expect(await writeEmbeddings(target, "images", items, model, options)).toMatchObject({ resumed: 0 });
  });

  it("begins anew where a journal does not know the state of its files", async () => {
    const { undisturbed, target, items, model } = await stoppedAfterFour(6);
    const lines = join(`${target}.partial`, "rows.jsonl");
    writeFileSync(lines, readFileSync(lines, "utf8").replaceAll(/,"(bytes|modifiedMs)":[\d.]+/g, ""));
    expect(await writeEmbeddings(target, "images", items, model, options)).toMatchObject({ resumed: 0 });
    expect(readFileSync(target).equals(readFileSync(undisturbed))).toBe(true);
  });

  it("goes on with texts, also those that are the name of a file", async () => {
    const folder = temporaryFolder();
    const name = "package.json";
    const items = [name, "b", "c", "d", "e", "f"].map((each) => ({ name: each, label: "" }));
    const [model, target, controller] = [tinyClip(), join(folder, "t.npy"), new AbortController()];
    const onProgress = () => controller.abort(new Error("enough"));
    const begun = { ...options, signal: controller.signal, onProgress };
    await expect(writeEmbeddings(target, "texts", items, model, begun)).rejects.toThrow("enough");
    expect(await writeEmbeddings(target, "texts", items, model, options)).toMatchObject({ resumed: 2 });
  });

  it("refuses to go on with other items or another model", async () => {
    const { items } = await colours(4);
    const model = tinyClip();
    const target = join(temporaryFolder(), "b.npy");
    const controller = new AbortController();
    const onProgress = () => controller.abort(new Error("enough"));
    const begun = { ...options, signal: controller.signal, onProgress };
    await expect(writeEmbeddings(target, "images", items, model, begun)).rejects.toThrow("enough");
    await expect(writeEmbeddings(target, "images", items.slice(1), model, options)).rejects.toThrow(
      /vectors begun there to be of this model and these images, got '.*0\.png' where there is '.*1\.png'/,
    );
    await expect(writeEmbeddings(target, "images", [], model, options)).rejects.toThrow(
      /where there is no more/,
    );
    noGrad(() => model.logitScale.add_(1));
    await expect(writeEmbeddings(target, "images", items, model, options)).rejects.toThrow(
      /got another model \(tiny\)/,
    );
  });

  it("lets one process at a time write a file", async () => {
    const { items } = await colours(6);
    const model = tinyClip();
    const target = join(temporaryFolder(), "b.parquet");
    const write = () => writeEmbeddings(target, "images", items, model, options);
    const [first, second] = await Promise.allSettled([write(), write()]);
    expect(first).toMatchObject({ status: "fulfilled", value: { rows: 6 } });
    expect((second as PromiseRejectedResult).reason.message).toMatch(
      new RegExp(`b\\.parquet is being written by process ${process.pid} on .*: expected one writer\\. Wait`),
    );
    expect((await vectorsIn(target)).items).toEqual(items);
    expect(existsSync(`${target}.lock`)).toBe(false);
  });

  it.each([
    ["b.npy", "b.csv"],
    ["b.npy", "b.json"],
    ["b.safetensors", "b.csv"],
  ])("of %s leaves a file of the user alone that has the name of its %s", async (name, other) => {
    const { items } = await colours(2);
    const folder = temporaryFolder();
    writeFileSync(join(folder, other), "mine");
    const written = writeEmbeddings(join(folder, name), "images", items, tinyClip(), options);
    await expect(written).rejects.toThrow(
      new RegExp(`${other} exists already: expected none, since it belongs to .*${name}\\. Name another one`),
    );
    expect(readdirSync(folder)).toEqual([other]);
    expect(readFileSync(join(folder, other), "utf8")).toBe("mine");
  });

  it("goes on where a process ended between the names and the vectors", async () => {
    const { target, items, model, undisturbed } = await stoppedAfterFour(6);
    writeFileSync(target.replace(".npy", ".csv"), "name,label\n");
    await writeEmbeddings(target, "images", items, model, options);
    expect(readFileSync(target).equals(readFileSync(undisturbed))).toBe(true);
    expect((await vectorsIn(target)).items).toEqual(items);
  });

  it("leaves out images that cannot be read and tells them, or stops at the first", async () => {
    const { items, files } = await colours(5);
    for (const i of [0, 1, 4]) writeFileSync(files[i] as string, "no image");
    const model = tinyClip();
    const folder = temporaryFolder();
    const { rows, unreadable } = await writeEmbeddings(
      join(folder, "a.safetensors"),
      "images",
      items,
      model,
      options,
    );
    expect(rows).toBe(2);
    expect(unreadable.map(({ name }) => name)).toEqual([files[0], files[1], files[4]]);
    expect((await vectorsIn(join(folder, "a.safetensors"))).items.map(({ name }) => name)).toEqual([
      files[2],
      files[3],
    ]);
    const strict = writeEmbeddings(join(folder, "b.npy"), "images", items, model, {
      ...options,
      strict: true,
    });
    await expect(strict).rejects.toThrow(files[0]);
  });

  it("takes a stream, a few batches ahead at most, and goes on with it after an abort", async () => {
    const { items } = await colours(24);
    const model = tinyClip();
    const folder = temporaryFolder();
    let taken = 0;
    const stream = async function* () {
      for (taken = 0; taken < items.length; taken++) yield items[taken] as (typeof items)[number];
    };
    const controller = new AbortController();
    const onProgress = (done: number) => {
      expect(taken - done).toBeLessThanOrEqual(4 * options.batchSize);
      if (done === 12) controller.abort(new Error("enough"));
    };
    const target = join(folder, "streamed.npy");
    const given = { ...options, onProgress, signal: controller.signal };
    await expect(writeEmbeddings(target, "images", stream(), model, given)).rejects.toThrow("enough");
    const { resumed } = await writeEmbeddings(target, "images", stream(), model, options);
    expect(resumed).toBe(12);
    await writeEmbeddings(join(folder, "listed.npy"), "images", items, model, options);
    expect(readFileSync(target).equals(readFileSync(join(folder, "listed.npy")))).toBe(true);
  });

  it("refuses endings it does not know", async () => {
    await expect(writeEmbeddings("v.bin", "texts", [], tinyClip(), options)).rejects.toThrow(
      /ends in \.parquet, \.npy, \.safetensors/,
    );
  });
});
