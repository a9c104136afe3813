import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  type MatlabValue,
  numbers,
  readMatlab,
  structures,
  text,
  texts,
} from "../../../lib/data/datasets/matlab.js";
import { Random } from "../../../lib/data/index.js";
import { temporaryFolder } from "../images.js";
import { fixture } from "./tree.js";

const folder = temporaryFolder();
const path = (name: string) => fileURLToPath(fixture(name));

async function save(bytes: Uint8Array): Promise<string> {
  const file = join(folder, "file.mat");
  await writeFile(file, bytes);
  return file;
}

describe("readMatlab", () => {
  it.each(["kinds.mat", "kinds-compressed.mat"])("reads what SciPy wrote to %s", async (file) => {
    const names = ["double", "single", "int64", "int8", "empty", "text", "cell", "struct"];
    const values = await readMatlab(path(file), ...names);
    expect(values).toEqual([
      Float64Array.of(1.5, 3, -2, 4), // column by column
      Float64Array.of(0.25),
      Float64Array.of(-(2 ** 40)),
      Float64Array.of(-1, 2, 3, 4, 5),
      Float64Array.of(),
      "Zürich",
      ["a", Float64Array.of(7)],
      [
        new Map<string, MatlabValue>([
          ["field", Float64Array.of(1)],
          ["other", "x"],
        ]),
      ],
    ]);
  });

  it("reads arrays of structures", async () => {
    const [annotations] = await readMatlab(path("cars/cars_train_annos.mat"), "annotations");
    expect(annotations).toEqual(
      [2, 1, 2].map(
        (label, i) =>
          new Map<string, MatlabValue>([
            ["bbox_x1", Float64Array.of(39 + i)],
            ["class", Float64Array.of(label)],
            ["fname", `0000${i + 1}.jpg`],
          ]),
      ),
    );
  });

  it("reads big-endian files", async () => {
    expect(await readMatlab(path("big-endian.mat"), "x")).toEqual([Float64Array.of(258, 3)]);
  });

  it("explains what it does not read", async () => {
    const hdf5 = await save(Buffer.from("MATLAB 7.3 MAT-file".padEnd(124).concat("\x00\x02IM").padEnd(512)));
    await expect(readMatlab(hdf5, "x")).rejects.toThrow(/got version 7\.3 \(HDF5\)\. Save it with/);
    await expect(readMatlab(await save(Buffer.from("<html>")), "x")).rejects.toThrow(/file of another kind/);
    await expect(readMatlab(join(folder, "none.mat"), "x")).rejects.toThrow(/none\.mat: .* got ENOENT/);
    await expect(readMatlab(path("kinds.mat"), "labels")).rejects.toThrow(
      /expected a variable "labels", got none/,
    );
    await expect(readMatlab(path("kinds.mat"), "complex")).rejects.toThrow(/"complex" is complex/);
    await expect(readMatlab(path("kinds.mat"), "rows")).rejects.toThrow(/"rows" is a text of 2 rows/);
  });

  it("checks the kind of values", () => {
    expect(() => numbers("1", "a.mat")).toThrow("a.mat: expected numbers, got a value of another kind");
    expect(() => text(undefined, "a.mat")).toThrow("expected text");
    expect(() => texts(["a", []], "a.mat")).toThrow("expected text");
    expect(() => texts("a", "a.mat")).toThrow("expected a cell array of texts");
    expect(() => structures(["a"], "a.mat")).toThrow("expected structures");
  });

  it("survives damage: an error or a value, in bounded time and memory", async () => {
    const random = new Random("matlab");
    let failures = 0;
    for (const file of ["kinds.mat", "kinds-compressed.mat", "cars/cars_train_annos.mat", "big-endian.mat"]) {
      const intact = await readFile(path(file));
      for (let i = 0; i < 500; i++) {
        const bytes = Uint8Array.from(
          intact.subarray(0, random.chance(0.2) ? random.integer(intact.length) : undefined),
        );
        for (let change = 0; change < 3; change++)
          bytes[128 + random.integer(bytes.length)] = random.integer(256);
        const failure = await readMatlab(await save(bytes), "cell", "annotations", "x").catch(
          (error) => error,
        );
        if (!(failure instanceof Error)) continue;
        failures++;
        expect(failure.message).toMatch(/file\.mat: (cannot be read as a MATLAB file|expected )/);
      }
    }
    expect(failures).toBeGreaterThan(1000);
  });

  it.each([-1, 0])("refuses field names of length %i", async (length) => {
    const bytes = await readFile(path("kinds.mat"));
    const at = bytes.indexOf(Buffer.of(5, 0, 4, 0, 6, 0, 0, 0)); // the length as a short element of type int32
    bytes.writeInt32LE(length, at + 4);
    await expect(readMatlab(await save(bytes), "struct")).rejects.toThrow(
      `field names have length ${length}`,
    );
  });

  it("refuses what inflates to far more than a label file", async () => {
    const header = (await readFile(path("kinds.mat"))).subarray(0, 128);
    const bomb = deflateSync(new Uint8Array(64 * 1024 * 1024));
    const tag = Buffer.alloc(8);
    tag.writeUInt32LE(15);
    tag.writeUInt32LE(bomb.length, 4);
    await expect(readMatlab(await save(Buffer.concat([header, tag, bomb])), "x")).rejects.toThrow(
      /expected compressed variables, got an error/,
    );
  });
});
