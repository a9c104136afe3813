import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../lib/clip/index.js";
import { images } from "../../lib/torch/index.js";
import { fixture } from "../clip/fixtures.js";
import { needs } from "../needs.js";

const { decodeJpeg, hasJpegDecoder, resizeToSquare } = images;
const folder = fixture("images", "modes");
const files = readdirSync(folder).filter((name) => name.endsWith(".jpg") && !name.startsWith("orientation"));
const read = (name: string): Buffer => readFileSync(join(folder, name));

const needsLibjpeg = needs(
  hasJpegDecoder(),
  "an addon without libjpeg",
  "install libjpeg's headers and run `npm run setup`",
);

describe("decodeJpeg", needsLibjpeg, () => {
  it("gives the pixels of the careful decoder, or leaves the file to it", async () => {
    let decoded = 0;
    for (const name of files) {
      const fast = await decodeJpeg(read(name));
      if (fast === undefined) continue;
      // sharp is asked where the orientation counts, and these have none.
      expect(
        Buffer.compare(fast.pixels, (await decodeImage(read(name), { orient: true })).pixels),
        name,
      ).toBe(0);
      decoded++;
    }
    expect(decoded).toBeGreaterThanOrEqual(3);
  });

  it("leaves CMYK, damaged files and other formats to it", async () => {
    const jpeg = read("rgb.jpg");
    expect(await decodeJpeg(jpeg)).toBeDefined();
    for (const other of [
      read("cmyk.jpg"),
      jpeg.subarray(0, jpeg.length - 40),
      Buffer.from("text"),
      Buffer.alloc(0),
    ]) {
      expect(await decodeJpeg(other)).toBeUndefined();
    }
  });

  it("survives any bytes", async () => {
    let state = 1;
    const random = (below: number) => {
      state = (state * 1103515245 + 12345) % 2 ** 31;
      return Math.floor((state / 2 ** 31) * below);
    };
    const outcomes = new Set<boolean>();
    for (let i = 0; i < 2000; i++) {
      const damaged = Buffer.from(read(files[i % files.length]!));
      for (let k = 0; k <= i % 6; k++) damaged[random(damaged.length)] = random(256);
      const image = await decodeJpeg(damaged, { size: 16, shortSide: 16 }).catch(() => undefined);
      if (image !== undefined) expect(image.pixels).toHaveLength(16 * 16 * 3);
      outcomes.add(image === undefined);
    }
    expect(outcomes.size).toBe(2);
  });

  it("resizes there and then", async () => {
    const jpeg = read("rgb.jpg");
    const square = { size: 12, shortSide: 16 };
    const both = await decodeJpeg(jpeg, square);
    expect(both).toEqual(await resizeToSquare(await decodeImage(jpeg), square));
  });
});

describe("resizeToSquare", () => {
  const image = { pixels: new Uint8Array(4 * 3 * 3).fill(7), width: 4, height: 3 };

  it("reads its own copy, whatever becomes of the pixels", async () => {
    const pixels = image.pixels.slice();
    const resizing = resizeToSquare({ ...image, pixels }, { size: 5 });
    structuredClone(pixels.buffer, { transfer: [pixels.buffer] });
    expect((await resizing).pixels).toEqual(Buffer.alloc(5 * 5 * 3, 7));
  });

  it("says what is wrong with its arguments", async () => {
    const wrong: [unknown, unknown, string][] = [
      [{ ...image, width: 5 }, { size: 5 }, "expected 45 bytes of RGB pixels, got 36"],
      [{ ...image, width: 0 }, { size: 5 }, "expected a number of pixels from 1"],
      [{ ...image, pixels: [1, 2, 3] }, { size: 5 }, "expected a Uint8Array"],
      [image, { size: 2.5 }, "expected a number of pixels from 1"],
      [
        image,
        { size: 5, shortSide: 4 },
        "expected a shorter side of at least the size that is cut out, got 4 and 5",
      ],
    ];
    for (const [pixels, square, message] of wrong) {
      await expect(resizeToSquare(pixels as images.Pixels, square as images.Square)).rejects.toThrow(message);
    }
  });
});
