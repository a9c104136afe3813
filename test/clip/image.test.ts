import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../lib/clip/index.js";
import { expected, fixture, temporaryDirectory } from "./fixtures.js";

const modes = fixture("images", "modes");
const names = readdirSync(modes).filter((name) => !name.endsWith(".safetensors"));
const reference = expected(join("images", "modes"));

function expectReference({ pixels, width, height }: Awaited<ReturnType<typeof decodeImage>>, key: string) {
  const wanted = reference(key);
  expect([height, width, 3]).toEqual(wanted.shape);
  expect(Buffer.compare(pixels, wanted.toTypedArray() as Uint8Array), "pixels are the same").toBe(0);
}

describe("decodeImage", () => {
  it.each(names)("reads %s as Pillow does", async (name) => {
    expectReference(await decodeImage(join(modes, name)), name);
  });

  it.each(names.filter((name) => name.startsWith("orientation")))(
    "turns %s upright if asked",
    async (name) => {
      expectReference(await decodeImage(join(modes, name), { orient: true }), `upright ${name}`);
    },
  );

  it("lays transparent images on white if asked", async () => {
    const half = { r: 200, g: 0, b: 100, alpha: 0.5 };
    const create = (background: typeof half) =>
      sharp({ create: { width: 1, height: 1, channels: 4, background } })
        .png()
        .toBuffer();
    for (const [alpha, wanted] of [
      [0, [255, 255, 255]],
      [0.5, [227, 127, 177]],
      [1, [200, 0, 100]],
    ] as const) {
      const png = await create({ ...half, alpha });
      const [r, g, b] = (await decodeImage(png, { transparency: "white" })).pixels as unknown as number[];
      for (const [i, value] of [r, g, b].entries())
        expect(Math.abs(value! - wanted[i]!)).toBeLessThanOrEqual(1);
      expect([...(await decodeImage(png)).pixels]).toEqual([200, 0, 100]);
    }
    const gif = readFileSync(join(modes, names.find((name) => name.endsWith(".gif"))!));
    expect((await decodeImage(gif, { transparency: "white" })).width).toBeGreaterThan(0);
  });

  it.each([false, true])("turns a TIFF upright, as Pillow does by itself; orient: %s", async (orient) => {
    const tiff = await sharp({ create: { width: 4, height: 2, channels: 3, background: "red" } })
      .composite([
        { input: Buffer.from([0, 0, 255]), raw: { width: 1, height: 1, channels: 3 }, left: 0, top: 0 },
      ])
      .withMetadata({ orientation: 6 })
      .tiff({ compression: "none" })
      .toBuffer();
    const { pixels, width, height } = await decodeImage(tiff, { orient });
    expect([width, height]).toEqual([2, 4]);
    expect([...pixels.subarray(0, 6)]).toEqual([255, 0, 0, 0, 0, 255]); // the first pixel is now at the right
  });

  it.each([false, true])("turns an AVIF upright, as its container says; orient: %s", async (orient) => {
    const avif = await sharp({ create: { width: 32, height: 16, channels: 3, background: "red" } })
      .withMetadata({ orientation: 6 })
      .avif({ lossless: true })
      .toBuffer();
    expect(avif.includes("irot")).toBe(true);
    const { width, height } = await decodeImage(avif, { orient });
    expect([width, height]).toEqual([16, 32]);
  });

  it("goes by the content, not the extension", async () => {
    const misnamed = join(temporaryDirectory(), "image.png");
    await writeFile(misnamed, readFileSync(join(modes, "rgb.jpg")));
    expectReference(await decodeImage(misnamed), "rgb.jpg");
  });

  it("keeps the stored numbers, whatever profile the file names", async () => {
    const pixel = { width: 1, height: 1, channels: 3, background: { r: 200, g: 30, b: 90 } } as const;
    const p3 = await sharp({ create: pixel }).withIccProfile("p3").png().toBuffer();
    const stored = await sharp(p3, { ignoreIcc: true }).raw().toBuffer();
    expect([...stored]).not.toEqual([200, 30, 90]);
    expect([...(await decodeImage(p3)).pixels]).toEqual([...stored]);
  });

  it("reads a JPEG with stray bytes, as Pillow does", async () => {
    const jpeg = readFileSync(join(modes, "rgb.jpg"));
    const stray = Buffer.concat([jpeg.subarray(0, 20), Buffer.alloc(5, 1), jpeg.subarray(20)]); // after the first segment
    expectReference(await decodeImage(stray), "rgb.jpg");
  });
});

describe("decodeImage of a damaged file", () => {
  it.each(["rgb.jpg", "rgb-progressive.jpg", "cmyk.jpg", "rgb.png", "grey16.png", "palette-transparent.gif"])(
    "refuses half of %s",
    async (name) => {
      const whole = readFileSync(join(modes, name));
      await expect(decodeImage(whole.subarray(0, whole.length / 2))).rejects.toThrow(
        /^image of \d+ bytes: cannot be read as an image: .+ Replace it, or leave it out\.$/s,
      );
    },
  );

  it.each(["lossy.webp", "rgb.tif"])("refuses most of %s", async (name) => {
    const whole = readFileSync(join(modes, name));
    await expect(decodeImage(whole.subarray(0, 0.8 * whole.length))).rejects.toThrow("cannot be read");
  });

  it("survives every GIF that ends early", async () => {
    const whole = readFileSync(join(modes, "palette-local.gif"));
    for (let length = 0; length < 100; length++) {
      await expect(decodeImage(whole.subarray(0, length))).rejects.toThrow("cannot be read");
    }
  });

  it("names a file that is empty, is no image or is missing", async () => {
    const empty = join(temporaryDirectory(), "empty.jpg");
    await writeFile(empty, "");
    for (const path of [empty, fixture("make.py"), fixture("none.png")]) {
      await expect(decodeImage(path)).rejects.toThrow(`${path}: cannot be read as an image`);
    }
  });
});
