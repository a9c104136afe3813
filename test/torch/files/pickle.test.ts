import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type PickleGlobal, unpickle } from "../../../lib/torch/index.js";
import { fixture, mutations, tryAll } from "../fixtures.js";

const pickles = JSON.parse(readFileSync(fixture("pickles.json"), "utf8")) as {
  values: string[];
  commands: string[];
};
const fromBase64 = (text: string) => Uint8Array.from(Buffer.from(text, "base64"));
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));

const expected = new Map<unknown, unknown>([
  [
    "integers",
    [
      0,
      -1,
      255,
      256,
      65536,
      -(2 ** 31),
      2 ** 31,
      Number.MAX_SAFE_INTEGER,
      2n ** 53n,
      -(2n ** 63n),
      10n ** 30n,
    ],
  ],
  ["floats", [0.5, -1e300, Number.POSITIVE_INFINITY]],
  ["flags", [true, false, null]],
  ["texts", ["", "ascii", "naïve 字 𝄞 \\u0041 \n", "x".repeat(300)]],
  ["bytes", [new Uint8Array(), Uint8Array.of(0, 255, 10), new Uint8Array(300)]],
  ["tuples", [[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4]]],
  [
    "ordered",
    new Map([
      ["b", 1],
      ["a", 2],
    ]),
  ],
  [
    "shared",
    [
      [1, 2],
      [1, 2],
    ],
  ],
  [3, new Map()],
]);

describe("unpickle", () => {
  test.each([0, 1, 2, 3, 4, 5])("reads what Python wrote in protocol %i", (protocol) => {
    const value = unpickle(fromBase64(pickles.values[protocol]!)) as Map<unknown, unknown>;
    expect(value).toEqual(expected);
    const [first, second] = value.get("shared") as unknown[];
    expect(first).toBe(second);
  });

  test("reads Python 2's strings as text, or as bytes that are not keys", () => {
    const pickled = bytes("}(U\x04dataT\x03\x00\x00\x00\x00\xff\nS'a\\x62'\nS'it\\'s\\n'\nu.");
    expect(unpickle(pickled)).toEqual(
      new Map([
        ["data", "\x00ÿ\n"],
        ["ab", "it's\n"],
      ]),
    );
    expect(unpickle(pickled, { byteStrings: true })).toEqual(
      new Map([
        ["data", Uint8Array.of(0, 255, 10)],
        ["ab", bytes("it's\n")],
      ]),
    );
  });

  test("calls only what it is given, and lets it have its state", () => {
    const point: PickleGlobal = {
      call: (x) => ({ x }),
      setState: (object, state) => Object.assign(object, { state }),
    };
    const globals = (module: string, name: string) =>
      `${module}.${name}` === "shapes.Point" ? point : undefined;
    const pickled = bytes(
      "(cshapes\nPoint\n(K\x07tRK\x08bcshapes\nPoint\n(K\x01t\x81(ishapes\nPoint\n(cshapes\nPoint\nK\x02ol.",
    );
    expect(unpickle(pickled, { globals })).toEqual([
      { x: 7, state: 8 },
      { x: 1 },
      { x: undefined },
      { x: 2 },
    ]);
  });

  test("loads what lies outside by its id", () => {
    expect(unpickle(bytes("K\x05Q."), { persistentLoad: (id) => `object ${id}` })).toBe("object 5");
    expect(() => unpickle(bytes("K\x05Q."))).toThrow("refers to data outside of it");
  });

  test("keeps a list that contains itself", () => {
    const list = unpickle(bytes("]q\x00h\x00a.")) as unknown[];
    expect(list[0]).toBe(list);
  });
});

describe("unpickle refuses", () => {
  test.each([0, 1, 2, 3, 4, 5])("a function that is not allowed, by its name, in protocol %i", (protocol) => {
    const pickled = fromBase64(pickles.commands[protocol]!);
    expect(() => unpickle(pickled, { source: "model.pt" })).toThrow(
      /^model\.pt: this pickle asks for (posix|nt)\.system, which is not allowed/,
    );
  });

  test.each([
    ["an empty file", ""],
    ["a cut off text", "\x8c\x09abc"],
    ["a length beyond the end", "\x8e\xff\xff\xff\xff\xff\xff\xff\xff."],
    ["no end", "K\x01"],
    ["an unknown operation", "\xff."],
    ["a newer protocol", "\x80\x06N."],
    ["an empty stack", "."],
    ["a mark that was never set", "t."],
    ["an unknown memo", "h\x00."],
    ["items of a list", "](K\x01K\x02u."],
    ["half an item", "}(K\x01u."],
    ["a call of data", "]]R."],
    ["arguments that are no tuple", "ccollections\nOrderedDict\nNR."],
    ["a state of data", "}}b."],
    ["a text that is not UTF-8", "\x8c\x01\xff."],
    ["a huge integer", `\x8b\xff\xff\x00\x00${"\x01".repeat(70_000)}.`],
    ["too many digits", `L${"9".repeat(5000)}L\n.`],
    ["a dictionary of numbers", "ccollections\nOrderedDict\n(](K\x01etR."],
    [
      "one text copied again and again",
      `X\xe8\x03\x00\x00${"x".repeat(1000)}q\x00${"0c_codecs\nencode\n(h\x00tR".repeat(50)}.`,
    ],
  ])("%s", (_, pickled) => {
    expect(() => unpickle(bytes(pickled))).toThrow(/not a valid pickle: .+\. Download or export it again\.$/);
  });

  test("more objects than memory holds", () => {
    expect(() => unpickle(new Uint8Array(6_000_000).fill("]".charCodeAt(0)))).toThrow("5000000 operations");
  });

  test("mutations with an error, or reads them", () => {
    const outcomes = { read: 0, refused: 0 };
    for (const pickled of pickles.values) {
      const { read, refused } = tryAll(mutations(fromBase64(pickled), 2000), unpickle, "pickle of");
      outcomes.read += read;
      outcomes.refused += refused;
    }
    expect(outcomes.read).toBeGreaterThan(100);
    expect(outcomes.refused).toBeGreaterThan(1000);
  });
});
