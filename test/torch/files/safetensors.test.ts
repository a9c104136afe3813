import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import {
  arange,
  complex,
  type DType,
  ones,
  safetensors,
  type Tensor,
  tensor,
  zeros,
} from "../../../lib/torch/index.js";
import { needs } from "../../needs.js";
import { fixture, leaked, mutations, tryAll } from "../fixtures.js";

const dtypes: DType[] = [
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
const matrix = (dtype: DType) => arange(6).view([2, 3]).to({ dtype });

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "codyra-safetensors-"));
  path = join(directory, "file.safetensors");
  onTestFinished(() => rmSync(directory, { recursive: true }));
});

/** Writes a file with this header and data. */
function write(header: unknown, data: Uint8Array = new Uint8Array(0)): string {
  const json = header instanceof Uint8Array ? header : Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(path, Buffer.concat([length, json, data]));
  return path;
}

/** The header of a file, and where its data begins. */
function readHeader(): { header: Record<string, { data_offsets: [number, number] }>; dataStart: number } {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE());
  return { header: JSON.parse(bytes.subarray(8, 8 + length).toString()), dataStart: 8 + length };
}

describe("save and load", () => {
  test("give every dtype back, with names and metadata", () => {
    const saved = new Map<string, Tensor>(dtypes.map((dtype) => [`as ${dtype}`, matrix(dtype)]));
    saved
      .set("scalar é", tensor(0.5))
      .set("empty", zeros([0, 3]))
      .set("__proto__", tensor([7]));
    safetensors.save(path, saved, { format: "pt", note: "ünïcode" });
    const { tensors, metadata } = safetensors.load(path);
    expect(metadata).toEqual({ format: "pt", note: "ünïcode" });
    expect([...tensors.keys()]).toEqual([...saved.keys()]);
    for (const [name, wanted] of saved) {
      const got = tensors.get(name)!;
      expect([name, got.dtype, got.shape]).toEqual([name, wanted.dtype, wanted.shape]);
      expect(got.toArray(), name).toEqual(wanted.toArray());
    }
    expect(readHeader().dataStart % 8).toBe(0);
  });

  test("write views in the order of their elements", () => {
    const base = matrix("float32");
    safetensors.save(path, [
      ["transposed", base.t()],
      ["column", base.select(1, 2)],
      ["expanded", tensor(4).expand([2, 2])],
      ["leaf", ones([2]).requiresGrad_()],
      [
        "conjugate",
        complex(tensor([1, 2]), tensor([3, 4]))
          .conj()
          .imag(),
      ],
    ]);
    const { tensors } = safetensors.load(path);
    expect(Array.from(tensors.values(), (value) => value.toArray())).toEqual([
      [
        [0, 3],
        [1, 4],
        [2, 5],
      ],
      [2, 5],
      [
        [4, 4],
        [4, 4],
      ],
      [1, 1],
      [-3, -4],
    ]);
  });

  test("an empty file", () => {
    safetensors.save(path, []);
    expect(safetensors.load(path)).toEqual({ tensors: new Map(), metadata: {} });
  });

  test("over a file that is loaded leave the loaded tensors as they were", () => {
    safetensors.save(path, [["a", tensor([1, 2])]]);
    const { tensors } = safetensors.load(path);
    safetensors.save(path, [["a", tensor([3, 4])]]);
    expect(tensors.get("a")?.toArray()).toEqual([1, 2]);
    expect(safetensors.load(path).tensors.get("a")?.toArray()).toEqual([3, 4]);
  });

  test("leave no tensor behind", () => {
    const a = matrix("float32");
    const made = leaked(() => {
      safetensors.save(path, [["a", a.t()]]);
      for (const loaded of safetensors.load(path).tensors.values()) loaded.dispose();
    });
    expect(made).toEqual({ tensors: 1, bytes: 0 }); // the transposed view, which is the test's own
  });
});

describe("load", () => {
  test("reads what the Python package wrote", () => {
    const { tensors, metadata } = safetensors.load(fixture("python.safetensors"));
    expect(metadata).toEqual({ format: "pt", "made by": "safetensors" });
    for (const dtype of dtypes) {
      expect(tensors.get(dtype)?.dtype).toBe(dtype);
      expect(tensors.get(dtype)?.toArray(), dtype).toEqual(matrix(dtype).toArray());
    }
    expect(tensors.get("scalar")?.item()).toBe(0.5);
    expect(tensors.get("empty")?.shape).toEqual([0, 3]);
    expect(tensors.get("négatif")?.toArray()).toEqual([-1.5]);
    expect(tensors.size).toBe(dtypes.length + 3);
  });

  test("maps the file: writing to a tensor does not change it", () => {
    safetensors.save(path, [
      ["a", tensor([1, 2])],
      ["b", tensor([3])],
    ]);
    const before = readFileSync(path);
    const { tensors } = safetensors.load(path);
    expect(tensors.get("a")?.isSameStorage(tensors.get("b")!)).toBe(true);
    tensors.get("a")?.add_(5);
    expect(tensors.get("a")?.toArray()).toEqual([6, 7]);
    expect(readFileSync(path)).toEqual(before);
    expect(safetensors.load(path).tensors.get("a")?.toArray()).toEqual([1, 2]);
  });

  test("copies what an old writer did not align", () => {
    const data = Buffer.alloc(13);
    data[0] = 9;
    data.writeFloatLE(1.5, 1);
    data.writeBigInt64LE(-7n, 5);
    const header = {
      a: { dtype: "U8", shape: [1], data_offsets: [0, 1] },
      b: { dtype: "F32", shape: [1], data_offsets: [1, 5] },
      c: { dtype: "I64", shape: [], data_offsets: [5, 13] },
    };
    for (const padding of [0, 1, 2, 3]) {
      write(Buffer.from(JSON.stringify(header) + " ".repeat(padding)), data);
      const { tensors } = safetensors.load(path);
      expect([...tensors.values()].map((value) => value.toArray())).toEqual([[9], [1.5], -7n]);
    }
  });

  test.each([
    ["U16", [1, 0, 255, 255], [1, 65535]],
    ["U32", [1, 0, 0, 0, 255, 255, 255, 255], [1n, 2n ** 32n - 1n]],
    ["U64", [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0], [1n, 2n]],
    ["F8_E4M3", [0x38, 0xbc], [1, -1.5]],
    ["F8_E4M3FNUZ", [0x40, 0x80], [1, Number.NaN]],
    ["F8_E5M2", [0x3c, 0xfc], [1, -Infinity]],
    ["F8_E5M2FNUZ", [0x40, 0x01], [1, 2 ** -17]],
    ["F8_E8M0", [127, 130], [1, 8]],
  ])("converts %s, which tensors do not have", (dtype, bytes, values) => {
    write({ w: { dtype, shape: [2], data_offsets: [0, bytes.length] } }, Uint8Array.from(bytes));
    expect(safetensors.load(path).tensors.get("w")!.toArray()).toEqual(values);
  });

  test("says of valid dtypes that they are not read, or skips them", () => {
    const header = {
      a: { dtype: "F4", shape: [4], data_offsets: [0, 2] },
      b: { dtype: "U64", shape: [1], data_offsets: [2, 10] },
      c: { dtype: "C64", shape: [1], data_offsets: [10, 18] },
    };
    write(header, new Uint8Array(18).fill(255, 2, 10));
    expect(() => safetensors.load(path)).toThrow(
      "tensor 'a' has the dtype F4, which is valid and not read here. Convert it",
    );
    const skipped: string[] = [];
    const { tensors } = safetensors.load(path, { onSkip: (name) => skipped.push(name) });
    expect(skipped).toEqual(["a", "b"]);
    expect(tensors.get("c")!.dtype).toBe("complex64");
  });

  const entry = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
  const data = new Uint8Array(8);
  test.each<[string, () => void, string]>([
    ["a file that is too short", () => writeFileSync(path, "1234567"), "expected at least 8 bytes, got 7"],
    [
      "a header beyond the file",
      () => writeFileSync(path, Buffer.from([99, 0, 0, 0, 0, 0, 0, 0, 123])),
      "its header claims 99 bytes, the file has 9",
    ],
    ["an absurd header length", () => writeFileSync(path, Buffer.alloc(16, 255)), "its header claims"],
    ["a header that is no JSON", () => write(Buffer.from("{]")), "its header is not JSON ("],
    ["a header that is no text", () => write(Uint8Array.of(0x22, 0xff, 0x22)), "its header is not JSON ("],
    ["a header that is no object", () => write([entry], data), "its header is not a JSON object"],
    [
      "metadata that are no strings",
      () => write({ __metadata__: { a: 1 } }),
      "its __metadata__ is not an object of strings",
    ],
    [
      "metadata that are no object",
      () => write({ __metadata__: ["a"] }),
      "its __metadata__ is not an object of strings",
    ],
    ["an entry that is no object", () => write({ w: 3 }), "the entry of tensor 'w' is not an object"],
    [
      "an unknown dtype",
      () => write({ w: { ...entry, dtype: "F31" } }, data),
      `tensor 'w' has the dtype "F31", expected one of F64, F32,`,
    ],
    [
      "an inherited name for a dtype",
      () => write({ w: { ...entry, dtype: "toString" } }, data),
      `has the dtype "toString"`,
    ],
    [
      "a missing dtype",
      () => write({ w: { ...entry, dtype: undefined } }, data),
      "tensor 'w' has the dtype undefined",
    ],
    ["a negative size", () => write({ w: { ...entry, shape: [-2] } }, data), "tensor 'w' has the shape [-2]"],
    [
      "a fractional size",
      () => write({ w: { ...entry, shape: [0.5] } }, data),
      "tensor 'w' has the shape [0.5]",
    ],
    ["a missing shape", () => write({ w: { ...entry, shape: null } }, data), "tensor 'w' has the shape null"],
    [
      "offsets that are none",
      () => write({ w: { ...entry, data_offsets: [0] } }, data),
      "tensor 'w' has the offsets [0]",
    ],
    [
      "offsets beyond all integers",
      () => write({ w: { ...entry, data_offsets: [0, 1e300] } }, data),
      "tensor 'w' has the offsets [0,1e+300]",
    ],
    [
      "offsets of another length",
      () => write({ w: { ...entry, shape: [3] } }, data),
      "tensor 'w' of F32 [3] needs 12 bytes, its offsets [0,8] give 8",
    ],
    [
      "a shape whose product overflows",
      () => write({ w: { ...entry, shape: [2 ** 31, 2 ** 31, 4] } }, data),
      "its offsets [0,8] give 8",
    ],
    [
      "tensors that overlap",
      () => write({ v: entry, w: { ...entry, data_offsets: [4, 12] } }, new Uint8Array(12)),
      "the data of tensor 'w' begins at byte 4, expected 8",
    ],
    [
      "a hole between tensors",
      () => write({ w: { ...entry, data_offsets: [4, 12] } }, new Uint8Array(12)),
      "the data of tensor 'w' begins at byte 4, expected 0",
    ],
    [
      "data that are cut off",
      () => write({ w: entry }, data.subarray(1)),
      "its tensors cover 8 bytes of data, the file holds 7",
    ],
    [
      "data after the last tensor",
      () => write({ w: entry }, new Uint8Array(9)),
      "its tensors cover 8 bytes of data, the file holds 9",
    ],
  ])("refuses %s", (_, make, message) => {
    make();
    expect(() => safetensors.load(path)).toThrow(`${path}: not a valid safetensors file: `);
    expect(() => safetensors.load(path)).toThrow(message);
    expect(() => safetensors.load(path)).toThrow("Download or export it again.");
  });

  test("names a file that is missing", () => {
    expect(() => safetensors.load(path)).toThrow(path);
  });
});

test("10,000 mutated headers are refused with an error or read, without memory for what they claim", () => {
  safetensors.save(
    path,
    dtypes.map((dtype) => [dtype, matrix(dtype)]),
    { format: "pt" },
  );
  const [original, { dataStart }] = [readFileSync(path), readHeader()];
  const read = (header: Uint8Array) => {
    writeFileSync(path, Buffer.concat([header, original.subarray(dataStart)]));
    for (const loaded of safetensors.load(path).tensors.values()) loaded.dispose();
  };
  const before = process.memoryUsage().rss;
  const outcomes = tryAll(mutations(original.subarray(0, dataStart), 10_000), read, path);
  expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 28);
  expect(outcomes.read).toBeGreaterThan(10);
  expect(outcomes.refused).toBeGreaterThan(1000);
});

describe("save that fails leaves nothing behind:", () => {
  const failing: [string, [string, Tensor][], string][] = [
    [
      "a dtype that the format cannot hold",
      [["z", complex(tensor(1), tensor(2))]],
      "tensor 'z' is complex64, which the format cannot hold",
    ],
    [
      "a name twice",
      [
        ["a", tensor(1)],
        ["a", tensor(2)],
      ],
      "got 'a' twice or reserved. Rename it.",
    ],
    [
      "the name of the metadata",
      [["__metadata__", tensor(1)]],
      "got '__metadata__' twice or reserved. Rename it.",
    ],
    [
      "a tensor without memory",
      [
        ["a", ones([2])],
        ["m", ones([2], { device: "meta" })],
      ],
      "Cannot copy out of meta tensor; no data!",
    ],
  ];
  test.each(failing)("%s", (_, tensors, message) => {
    writeFileSync(path, "what was there before");
    expect(() => safetensors.save(path, tensors)).toThrow(message);
    expect(readdirSync(directory)).toEqual(["file.safetensors"]);
    expect(readFileSync(path, "utf8")).toBe("what was there before");
  });

  test("a disposed tensor", () => {
    const a = ones([2]);
    a.dispose();
    expect(() => safetensors.save(path, [["a", a]])).toThrow("Tensor was disposed");
    expect(readdirSync(directory)).toEqual([]);
  });

  test("a directory that is missing", () => {
    expect(() => safetensors.save(join(directory, "none", "file"), [["a", ones([1])]])).toThrow(
      /ENOENT.*none/,
    );
  });

  const needsUser = needs(process.getuid?.() !== 0, "root may write everywhere", "run as another user");

  test("a directory that cannot be written to", needsUser, () => {
    chmodSync(directory, 0o500);
    onTestFinished(() => chmodSync(directory, 0o700));
    expect(() => safetensors.save(path, [["a", ones([1])]])).toThrow(/EACCES/);
  });
});
