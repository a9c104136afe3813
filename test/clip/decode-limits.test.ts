import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import {
  type DecodeLimits,
  decodeImage,
  loadModel,
  modelFingerprint,
  Preprocessing,
  stretch,
} from "../../lib/clip/index.js";
import { jpegSize } from "../../lib/clip/jpeg-size.js";
import { trainingTransform } from "../../lib/data/index.js";
import { fixture, temporaryDirectory } from "./fixtures.js";

const modes = fixture("images", "modes");
const names = readdirSync(modes).filter((name) => !name.endsWith(".safetensors"));
const raw = { create: { width: 8, height: 5, channels: 3, background: "red" } } as const;

/** A file of every decoder and format that there is, 8 × 5 pixels unless it is a fixture. */
const files: [name: string, content: () => Promise<Uint8Array> | Uint8Array][] = [
  ...names.map((name): (typeof files)[number] => [name, () => readFileSync(join(modes, name))]),
  ["avif", () => sharp(raw).avif().toBuffer()],
  ["svg", () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="5"/>')],
  ["bmp", () => bitmap(8, 5)],
  ["pgm", () => Buffer.from(`P5 8 5 255\n${"a".repeat(40)}`)],
  ["pbm", () => Buffer.from(`P1\n8 5\n${"0".repeat(40)}`)],
];

/** A bitmap of 24 bits. @param pixels whether there are any behind the header */
function bitmap(width: number, height: number, pixels = true): Buffer {
  const rowBytes = Math.ceil((3 * width) / 4) * 4;
  const content = Buffer.alloc(54 + (pixels ? height * rowBytes : 0));
  content.write("BM");
  content.writeUInt32LE(54, 10);
  content.writeUInt32LE(40, 14);
  content.writeInt32LE(width, 18);
  content.writeInt32LE(height, 22);
  content.writeUInt16LE(24, 28);
  return content;
}

describe("limitInputPixels", () => {
  it.each(files)("counts the pixels of %s, and refuses one too many by its size", async (_, contentOf) => {
    const content = await contentOf();
    const whole = await decodeImage(content);
    const pixels = whole.width * whole.height;
    expect(await decodeImage(content, { limitInputPixels: pixels })).toEqual(whole);
    for (const decoding of [{}, { orient: true }]) {
      const refused = decodeImage(content, { ...decoding, limitInputPixels: pixels - 1 });
      await expect(refused).rejects.toThrow(
        new RegExp(
          `^image of ${content.length} bytes: cannot be read as an image: it has \\d+ × \\d+ = ${pixels} pixels, ` +
            `and the limit is ${pixels - 1}; raise it with limitInputPixels \\(--limit-input-pixels\\)\\. Replace`,
        ),
      );
    }
  });

  it.each(files)("holds for %s in transforms, whose key it does not change", async (_, contentOf) => {
    const content = await contentOf();
    const { width, height } = await decodeImage(content);
    const [usual, exact, less] = [undefined, width * height, width * height - 1].map((limitInputPixels) =>
      stretch(4, { limitInputPixels }),
    );
    expect(await exact!.apply(content)).toEqual(await usual!.apply(content));
    await expect(less!.apply(content)).rejects.toThrow(`= ${width * height} pixels, and the limit is`);
    expect(new Set([usual, exact, less].map((transform) => transform!.key)).size).toBe(1);
  });

  it("is that of sharp by default, and known from the header", async () => {
    const side = 0x3fff;
    const headers = [
      bitmap(side + 1, side, false),
      Buffer.from(`P6 ${side + 1} ${side} 255\n`),
      Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${side + 1}" height="${side}"/>`),
      resized(readFileSync(join(modes, "rgb.jpg")), side + 1, side),
    ];
    for (const content of headers) {
      await expect(decodeImage(content)).rejects.toThrow(
        "it has 16384 × 16383 = 268419072 pixels, and the limit is 268402689",
      );
    }
    await expect(decodeImage(bitmap(side, side, false))).rejects.toThrow("the bitmap is cut off");
  });

  it("names the file", async () => {
    const path = join(temporaryDirectory(), "large.png");
    await writeFile(path, await sharp(raw).png().toBuffer());
    await expect(decodeImage(path, { limitInputPixels: 39 })).rejects.toThrow(
      `${path}: cannot be read as an image: it has 8 × 5 = 40 pixels, and the limit is 39`,
    );
  });
});

/** A JPEG whose header tells another size. */
function resized(jpeg: Buffer, width: number, height: number): Buffer {
  const frame = jpeg.findIndex((byte, i) => byte === 0xff && [0xc0, 0xc2].includes(jpeg[i + 1]!));
  const content = Buffer.from(jpeg);
  content.writeUInt16BE(height, frame + 5);
  content.writeUInt16BE(width, frame + 7);
  return content;
}

describe("decodeTimeoutSeconds", () => {
  it("ends a decoding that takes longer, and tells how far it came", async () => {
    // Each of the 16 strips computes all of the noise. That takes a second or more, far more than a sixteenth
    // of the limit on any machine.
    const noise = '<feTurbulence baseFrequency="0.05" numOctaves="9"/>'.repeat(8);
    const drawing = `<filter id="f">${noise}</filter><rect width="100%" height="100%" filter="url(#f)"/>`;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="4" height="32000">${drawing}</svg>`;
    await expect(decodeImage(Buffer.from(svg), { decodeTimeoutSeconds: 1 })).rejects.toThrow(
      /^image of \d+ bytes: cannot be read as an image: it was decoded to \d+ % in 1 s, which is the limit; raise it with decodeTimeoutSeconds \(--decode-timeout-seconds\)\. Replace/,
    );
  }, 60_000);
});

describe("limits of decoding", () => {
  it.each<[DecodeLimits, string]>([
    [{ limitInputPixels: 0 }, "limitInputPixels: expected a whole number of pixels above 0, got 0."],
    [{ limitInputPixels: 1.5 }, "got 1.5."],
    [{ limitInputPixels: Number.NaN }, "got NaN."],
    [{ decodeTimeoutSeconds: -1 }, "decodeTimeoutSeconds: expected a whole number of seconds from 0 to 3600"],
    [{ decodeTimeoutSeconds: 3601 }, "got 3601."],
    [{ decodeTimeoutSeconds: 0.5 }, "got 0.5."],
  ])("are refused where they cannot be kept: %j", async (limits, message) => {
    await expect(decodeImage(bitmap(1, 1), limits)).rejects.toThrow(message);
    expect(() => stretch(8, limits)).toThrow(message);
    expect(() => Preprocessing.openai().withDecoding(limits)).toThrow(message);
  });

  it("reach test and training images of a model, which stays the same to caches and indices", async () => {
    const [usual, limited] = [{}, { limitInputPixels: 39, decodeTimeoutSeconds: 5 }].map((limits) =>
      loadModel(fixture("quick-gelu"), limits),
    );
    const png = await sharp(raw).png().toBuffer();
    for (const transformOf of [(of: Preprocessing) => of.transform, trainingTransform]) {
      const [before, after] = [usual!, limited!].map(({ preprocessing }) => transformOf(preprocessing));
      await before!.apply(png);
      await expect(after!.apply(png)).rejects.toThrow("the limit is 39");
      expect(after!.key).toBe(before!.key);
    }
    expect(modelFingerprint(limited!)).toBe(modelFingerprint(usual!));
  });
});

describe("jpegSize", () => {
  it.each(names.filter((name) => name.endsWith(".jpg")))("reads the header of %s", async (name) => {
    const content = readFileSync(join(modes, name));
    const { width, height } = await sharp(content).metadata();
    expect(jpegSize(content)).toEqual({ width, height });
  });

  it("passes over a thumbnail in another segment, filling and stray bytes", () => {
    const jpeg = readFileSync(join(modes, "rgb.jpg"));
    const thumbnail = resized(jpeg, 1000, 1000);
    const length = Buffer.from([(thumbnail.length + 2) >> 8, (thumbnail.length + 2) & 255]);
    const segment = Buffer.concat([Buffer.from([0xff, 0xe1]), length, thumbnail]);
    const padding = Buffer.from([1, 2, 0xff, 0xff, 0xff]);
    const filled = Buffer.concat([jpeg.subarray(0, 2), segment, padding, jpeg.subarray(3)]);
    expect(jpegSize(filled)).toEqual(jpegSize(jpeg));
  });

  it("knows none of what has no frame, however it ends", () => {
    const jpeg = readFileSync(join(modes, "rgb.jpg"));
    const frame = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
    for (let length = 0; length < frame + 9; length++)
      expect(jpegSize(jpeg.subarray(0, length)), `${length} bytes`).toBeUndefined();
    expect(jpegSize(Buffer.from("no picture"))).toBeUndefined();
  });
});
