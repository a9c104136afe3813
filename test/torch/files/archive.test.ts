import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { arange, archive, ones, tensor, zeros } from "../../../lib/torch/index.js";
import { fixture, leaked, mutations, tryAll } from "../fixtures.js";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "codyra-archive-"));
  path = join(directory, "file.pt");
  onTestFinished(() => rmSync(directory, { recursive: true }));
});

describe("load", () => {
  const tensors = archive.load(fixture("state.pt"));

  test("reads every dtype that torch.save wrote", () => {
    const dtypes = [
      "float64",
      "float32",
      "float16",
      "bfloat16",
      "int64",
      "int32",
      "int16",
      "int8",
      "uint8",
      "bool",
    ];
    for (const dtype of dtypes) {
      const found = tensors.get(`dtypes.${dtype}`)!;
      expect(found.dtype).toBe(dtype);
      expect(found.equal(arange(6).view([2, 3]).to({ dtype: found.dtype })), dtype).toBe(true);
    }
    expect(tensors.get("dtypes.complex64")?.real().toArray()).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
  });

  test("names tensors by the keys and indexes that lead to them", () => {
    const names = [...tensors.keys()].filter((name) => !name.startsWith("dtypes."));
    const views = [0, 1, 2, 3].map((i) => `views.${i}`);
    expect(names).toEqual(["state_dict.weight", "state_dict.bias", ...views, "parameter", "scalar", "empty"]);
    expect(tensors.get("state_dict.weight")?.toArray()).toEqual([[1.5, -2]]);
    expect(tensors.get("parameter")?.toArray()).toEqual([1, 1]);
    expect(tensors.get("scalar")?.item()).toBe(4);
    expect(tensors.get("empty")?.shape).toEqual([0, 3]);
  });

  test("keeps the strides of views", () => {
    const base = arange(12).float().view([3, 4]);
    const views = [base, base.t(), base.narrow(0, 1, 2).select(1, 2), base.narrow(0, 0, 1).expand([2, 4])];
    views.forEach((wanted, i) => {
      const found = tensors.get(`views.${i}`)!;
      expect(found.equal(wanted), String(found)).toBe(true);
      expect(found.strides()).toEqual(wanted.strides());
    });
  });

  test("reads the attributes of a script module", () => {
    const module = archive.load(fixture("script.pt"));
    expect([...module.keys()].sort()).toEqual(["inner.bias", "inner.weight", "steps"]);
    expect(module.get("inner.weight")?.toArray()).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(module.get("steps")?.toArray()).toEqual([7n]);
  });

  test("reads what torch.load(weights_only=True) takes beside tensors, and NumPy's arrays", () => {
    const values = archive.load(fixture("values.pt"));
    const floats = [0, 1, -1.5, 448, 2 ** -9, Number.NaN];
    expect(values.get("e4m3")!.toArray()).toEqual(floats);
    expect(values.get("e5m2")!.t().flatten().toArray()).toEqual([0, 1, -1.5, 448, 2 ** -9, Number.NaN]);
    expect(values.get("uint16")!.toArray()).toEqual([1, 65535]);
    expect(values.get("uint32")!.toArray()).toEqual([1n, 2n ** 32n - 1n]);
    expect(values.get("uint64")!.toArray()).toEqual([1n, 2n]);
    expect(values.get("subclass")!.toArray()).toEqual([1, 1]);
    expect(values.get("numpy.float64")!.toArray()).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(values.get("numpy.fortran")!.toArray()).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(values.get("numpy.big-endian")!.toArray()).toEqual([1, 256]);
    expect(values.get("numpy.bool")!.toArray()).toEqual([true, false]);
  });

  test("skips with the true reason what is not read, where that is asked for", () => {
    const skipped = new Map<string, string>();
    const tensors = archive.load(fixture("unread.pt"), {
      onSkip: (name, reason) => skipped.set(name, reason),
    });
    expect([...tensors.keys()]).toEqual(["weight"]);
    expect(Object.fromEntries(skipped)).toEqual({
      sparse: "holds a sparse tensor, which is not read",
      quantised: expect.stringContaining("quantised tensor"),
      arguments: "asks for argparse.Namespace, which is not allowed",
      objects: expect.stringContaining("NumPy's type"),
    });
    expect(() => archive.load(fixture("unread.pt"))).toThrow(
      "this pickle holds a sparse tensor, which is not read",
    );
  });

  test("reads the code of a script module, which is deflated", () => {
    expect(archive.scriptCode(fixture("script.pt"))).toContain("class Outer(Module):");
    expect(archive.scriptCode(fixture("state.pt"))).toBe("");
  });

  test("maps the file: writing to a tensor does not change it", () => {
    archive.save(path, [["a", tensor([1, 2])]]);
    const before = readFileSync(path);
    archive.load(path).get("a")!.add_(5);
    expect(readFileSync(path)).toEqual(before);
  });

  test("leaves no tensor behind", () => {
    const made = leaked(() => {
      for (const loaded of archive.load(fixture("state.pt")).values()) loaded.dispose();
    });
    expect(made).toEqual({ tensors: 0, bytes: 0 });
  });
});

describe("load refuses", () => {
  /** Writes an archive whose bytes `from` became `to`. */
  function patched(from: string, to: string): string {
    archive.save(path, [["a", ones([3, 2])]]);
    const text = readFileSync(path).toString("latin1");
    expect(text.split(from)).toHaveLength(2);
    writeFileSync(path, Buffer.from(text.replace(from, to), "latin1"));
    return path;
  }

  const shape = "(K\x03K\x02t"; // [3, 2]
  const strides = "(K\x02K\x01t";

  test("a shape beyond its storage", () => {
    expect(() => archive.load(patched(shape, "(K\x04K\x02t"))).toThrow(
      `${path}: not a valid PyTorch archive: a tensor [4,2] with strides [2,1] from 0 on reaches beyond its storage of 6 elements`,
    );
  });

  test("strides beyond its storage", () => {
    expect(() => archive.load(patched(strides, "(K\x03K\x01t"))).toThrow("reaches beyond its storage");
    expect(() => archive.load(patched(strides, "(M\x03K"))).toThrow(/not a valid/);
  });

  test("an element count beyond its record", () => {
    expect(() => archive.load(patched("K\x06t", "K\x07t"))).toThrow("has 24 bytes, expected 7 float32");
  });

  test("another dtype than there is data for", () => {
    expect(() => archive.load(patched("FloatStorage", "Bfl16Storage"))).toThrow(
      "torch.Bfl16Storage, which is not allowed",
    );
  });

  test("the format before PyTorch 1.6, with advice", () => {
    expect(() => archive.load(fixture("legacy.pt"))).toThrow(
      "written by torch.save before PyTorch 1.6 or without zip: expected its zip format. Load and save it again",
    );
  });

  test.each([
    ["an empty file", ""],
    ["a text", "hello"],
    ["the start of a zip file", "PK\x03\x04 and no more"],
  ])("%s", (_, content) => {
    writeFileSync(path, content, "latin1");
    expect(() => archive.load(path)).toThrow(/file\.pt: not a valid PyTorch archive: /);
  });

  test.each(["state.pt", "script.pt"])("mutations of %s with an error, or reads them", (name) => {
    const read = (file: Uint8Array) => {
      writeFileSync(path, file);
      for (const loaded of archive.load(path).values()) loaded.dispose();
    };
    const outcomes = tryAll(mutations(readFileSync(fixture(name)), 2000), read, path);
    expect(outcomes.read).toBeGreaterThan(100);
    expect(outcomes.refused).toBeGreaterThan(100);
  });
});

describe("save", () => {
  test("writes what load reads back", () => {
    const stacked = arange(12).view([4, 3]);
    const saved = new Map([
      ["a.b", stacked.narrow(0, 1, 2).t()],
      ["half", tensor([1, 2]).to({ dtype: "bfloat16" })],
      ["scalar é", tensor(3)],
      ["empty", zeros([0, 2])],
      ["leaf", ones([2]).requiresGrad_()],
    ]);
    archive.save(path, saved);
    const tensors = archive.load(path);
    expect([...tensors.keys()]).toEqual([...saved.keys()]);
    for (const [name, wanted] of saved) {
      expect(tensors.get(name)?.dtype).toBe(wanted.dtype);
      expect(tensors.get(name)?.equal(wanted), name).toBe(true);
    }
    expect(readdirSync(directory)).toEqual(["file.pt"]);
  });

  test("keeps a comment", () => {
    archive.save(path, [["a", tensor([1, 2])]]);
    expect(archive.comment(path)).toBe("");
    archive.save(path, [["a", tensor([1, 2])]], { comment: "who é" });
    expect(archive.comment(path)).toBe("who é");
    expect(archive.load(path).get("a")!.toArray()).toEqual([1, 2]);
    expect(() => archive.save(path, [], { comment: "x".repeat(2000) })).toThrow(
      "at most 1000 bytes, got 2000",
    );
    expect(readdirSync(directory)).toEqual(["file.pt"]);
  });

  test("leaves nothing behind when it fails", () => {
    expect(() => archive.save(join(directory, "missing", "file.pt"), [["a", ones([1])]])).toThrow(
      "No such file",
    );
    expect(() =>
      archive.save(path, [
        ["a", ones([1])],
        ["a", ones([1])],
      ]),
    ).toThrow("got 'a' twice");
    expect(readdirSync(directory)).toEqual([]);
  });
});
