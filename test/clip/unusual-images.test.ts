import { crc32, deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../lib/clip/index.js";

/** Wanted pixels are those of Pillow's `convert("RGB")`. */
const pixelsOf = async (content: Uint8Array) => [...(await decodeImage(content)).pixels];

describe("GIF whose first frame is smaller than the screen", () => {
  const red = [255, 0, 0];
  const green = [0, 255, 0];

  /** A screen of 3 × 1, on which the frame is the middle pixel, of the palette's colour 1. */
  function gif({ transparent }: { transparent?: number }): Buffer {
    const palette = Buffer.from([...red, ...green]);
    const control = [0x21, 0xf9, 4, transparent === undefined ? 0 : 1, 0, 0, transparent ?? 0, 0];
    const frame = [0x2c, 1, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x4c, 0x01, 0]; // clear, 1, end: codes of 3 bits
    const screen = [3, 0, 1, 0, 0x80, 1, 0];
    return Buffer.concat([
      Buffer.from("GIF89a"),
      Buffer.from([...screen, ...palette, ...control, ...frame, 0x3b]),
    ]);
  }

  it("has the first colour around it, whatever the background is said to be", async () => {
    expect(await pixelsOf(gif({}))).toEqual([...red, ...green, ...red]);
  });

  it("has the transparent colour around it, where there is one", async () => {
    expect(await pixelsOf(gif({ transparent: 1 }))).toEqual([...green, ...green, ...green]);
  });
});

describe("grey of 16 bits with a transparent level", () => {
  const chunk = (type: string, content: readonly number[] | Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), Buffer.from(content)]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(body.length - 4);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  /** Three pixels: 200, 25,600 and 0. */
  const png = (level: number): Buffer =>
    Buffer.concat([
      Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
      chunk("IHDR", [0, 0, 0, 3, 0, 0, 0, 1, 16, 0, 0, 0, 0]),
      chunk("tRNS", [level >> 8, level & 255]),
      chunk("IDAT", deflateSync(Buffer.from([0, 0, 200, 100, 0, 0, 0]))),
      chunk("IEND", []),
    ]);
  const grey = (...levels: number[]) => levels.flatMap((level) => [level, level, level]);

  it("is clipped as it is without one", async () => {
    for (const level of [1, 200]) expect(await pixelsOf(png(level))).toEqual(grey(200, 255, 0));
  });

  // As Pillow's `convert("RGBA")` and `alpha_composite`, which transformers calls. Of a level above 255
  // Pillow compares the lower byte, so that its 25,600 clears 0. Here it clears what is white already.
  it.each([
    [1, grey(200, 255, 0)],
    [200, grey(255, 255, 0)],
    [0, grey(200, 255, 255)],
    [25_600, grey(200, 255, 0)],
  ])("lies on white where it is level %s", async (level, wanted) => {
    expect([...(await decodeImage(png(level), { transparency: "white" })).pixels]).toEqual(wanted);
  });
});

describe("TIFF", () => {
  /** One pixel, little-endian. @param kind 1 for integers, 3 for floating point */
  function tiff(samples: Buffer, { bits = 16, photometric = 2, kind = 1 }): Buffer {
    const channels = (8 * samples.length) / bits;
    const short = (tag: number, ...values: number[]) => ({ tag, type: 3, values });
    const entries = [
      short(256, 1),
      short(257, 1),
      short(258, ...Array<number>(channels).fill(bits)),
      short(259, 1),
      short(262, photometric),
      { tag: 273, type: 4, values: [8] },
      short(277, channels),
      short(278, 1),
      { tag: 279, type: 4, values: [samples.length] },
      short(339, ...Array<number>(channels).fill(kind)),
    ];
    const start = 8 + samples.length;
    const directory = Buffer.alloc(2 + 12 * entries.length + 4);
    directory.writeUInt16LE(entries.length);
    const values: Buffer[] = [];
    let end = start + directory.length;
    for (const [i, { tag, type, values: given }] of entries.entries()) {
      const at = 2 + 12 * i;
      directory.writeUInt16LE(tag, at);
      directory.writeUInt16LE(type, at + 2);
      directory.writeUInt32LE(given.length, at + 4);
      const bytes = Buffer.alloc(Math.max(4, 2 * given.length));
      for (const [k, value] of given.entries()) bytes.writeUInt16LE(value, 2 * k);
      if (2 * given.length <= 4) bytes.copy(directory, at + 8);
      else {
        directory.writeUInt32LE(end, at + 8);
        values.push(bytes);
        end += bytes.length;
      }
    }
    const header = Buffer.from([0x49, 0x49, 42, 0, 0, 0, 0, 0]);
    header.writeUInt32LE(start, 4);
    return Buffer.concat([header, samples, directory, ...values]);
  }

  it("of CMYK with 16 bits keeps the upper 8", async () => {
    const samples = Buffer.from(Uint16Array.from([27_242, 36_237, 51_657, 0]).buffer); // 257 times 106, 141, 201
    expect(await pixelsOf(tiff(samples, { photometric: 5 }))).toEqual([149, 114, 54]);
  });

  it("of colours of floating point is refused, as Pillow does", async () => {
    const colours = tiff(Buffer.from(Float32Array.from([0.1, 0.5, 1]).buffer), { bits: 32, kind: 3 });
    await expect(decodeImage(colours)).rejects.toThrow(
      /floating point, whose range is not known; save it with 8 bits/,
    );
    const grey = tiff(Buffer.from(Float32Array.of(77.4).buffer), { bits: 32, kind: 3, photometric: 1 });
    expect(await pixelsOf(grey)).toEqual([77, 77, 77]);
  });
});

describe("a file that is no image", () => {
  it.each([
    [
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
      /is a pointer of Git LFS; fetch the files with `git lfs pull`\./,
    ],
    ["<!DOCTYPE html><html>404</html>", /is a web page or XML; download it again\./],
    ['{"error": "not found"}', /is a JSON text, such as the answer of a server; download it again\./],
    ["\0\0\0\x18ftypheic\0\0\0\0mif1heic", /is a HEIF photo; convert it to PNG or JPEG\./],
    ["\0\0\0\x0cjP  \r\n\x87\n", /is a JPEG 2000 image; convert it/],
    ["\0\0\x01\0\x01\0\x10\x10", /is a Windows icon; convert it/],
    ["\0\0\x02\0\0\0\0\0\0\0\0\0\x01\0\x01\0\x18\0", /is a TGA image; convert it/],
    ["\x1f\x8b\x08\0", /is compressed by gzip; decompress it/],
    ["\0".repeat(600), /is nothing but zeros; copy or download it again\./],
    ["", /is empty; copy or download it again\./],
  ])("is called what it is: %j", async (content, message) => {
    await expect(decodeImage(Buffer.from(content, "latin1"))).rejects.toThrow(message);
  });
});
