import { expect, it } from "vitest";
import { decodeText } from "../../lib/options/index.js";

const text = "rosé\nмак\n";
const littleEndian = Buffer.from(text, "utf16le");
const bigEndian = Buffer.from(littleEndian).swap16();

it.each([
  ["UTF-8", Buffer.from(text)],
  ["UTF-8 with a byte order mark", Buffer.from(`\ufeff${text}`)],
  ["UTF-16", Buffer.from(`\ufeff${text}`, "utf16le")],
  ["UTF-16 without a byte order mark", littleEndian],
  ["UTF-16 of the other order", Buffer.concat([Buffer.from([0xfe, 0xff]), bigEndian])],
  ["UTF-16 of the other order without a byte order mark", bigEndian],
])("%s is read", (_, bytes) => {
  expect(decodeText(bytes, "names.txt")).toBe(text);
});

it("nothing and a letter are read", () => {
  expect(decodeText(Buffer.from(""), "names.txt")).toBe("");
  expect(decodeText(Buffer.from("a"), "names.txt")).toBe("a");
});

it.each([
  ["Windows-1252", Buffer.from("tulip\nrosé\n", "latin1"), "the byte 0xe9 at offset 9 in line 2"],
  [
    "another encoding behind a written U+FFFD",
    Buffer.from("\ufeff\ufffd é", "utf8").fill(0xff, 7, 8),
    "the byte 0xff at offset 7 in line 1",
  ],
  ["UTF-16 cut within a letter", littleEndian.subarray(0, 7), "broken UTF-16LE"],
  ["binary data", Buffer.from("rose\ntulip\0"), "a zero character in line 2"],
])("%s is refused", (_, bytes, got) => {
  expect(() => decodeText(bytes, "names.txt")).toThrow(
    `names.txt: expected text in UTF-8, got ${got}. Save it as UTF-8.`,
  );
});

it("UTF-32 is refused by its name", () => {
  const bytes = Buffer.from("\ufeff\0r\0", "utf16le");
  expect(() => decodeText(bytes, "names.txt")).toThrow(
    "names.txt: expected text in UTF-8 or UTF-16, got UTF-32. Save it as UTF-8.",
  );
});
