import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeImage, Preprocessing } from "../../lib/clip/index.js";
import { expectClose, expected, fixture } from "./fixtures.js";

const reference = expected("images");
const preprocessing = Preprocessing.openai(32);

describe("preprocess", () => {
  it.each(["wide.jpg", "tall.png", "grey.png", "alpha.png", "palette-small.png"])(
    "agrees with Pillow on %s within 1/255 on average",
    async (name) => {
      const pixels = await preprocessing.preprocess(await decodeImage(fixture("images", name)));
      expect(pixels.dtype).toBe("uint8");
      expect(pixels.shape).toEqual([3, 32, 32]);
      const difference = pixels.float().sub(reference(name).float()).abs();
      expect(difference.mean().item()).toBeLessThanOrEqual(0.1);
      expect(difference.max().item()).toBeLessThanOrEqual(2);
    },
  );

  it("resizes the shorter side and cuts the middle out", async () => {
    const width = 60;
    const pixels = new Uint8Array(20 * width * 3);
    for (let i = 0; i < pixels.length; i++) pixels[i] = 4 * (Math.floor(i / 3) % width); // each column its own grey
    const resized = await new Preprocessing({
      size: 20,
      cropSize: 10,
      mean: [0, 0, 0],
      std: [1, 1, 1],
    }).preprocess({
      pixels,
      width,
      height: 20,
    });
    expect(Array.from(resized.select(0, 0).select(0, 0).toTypedArray(), Number)).toEqual(
      Array.from({ length: 10 }, (_, column) => 4 * (25 + column)),
    );
  });
});

describe("normalise", () => {
  it("agrees with transformers", () => {
    const normalised = preprocessing.normalise(reference("tall.png").unsqueeze(0));
    expectClose(normalised, reference("normalised tall.png").unsqueeze(0), { rtol: 1e-6, atol: 1e-6 });
  });
});

describe("Preprocessing.parse", () => {
  it("reads both ways of writing sizes, and writes what it reads", () => {
    const json = JSON.parse(readFileSync(fixture("quick-gelu", "preprocessor_config.json"), "utf8"));
    const parsed = Preprocessing.parse(json);
    expect(parsed).toEqual(preprocessing);
    expect(Preprocessing.parse({ size: 32, crop_size: 32 })).toEqual(parsed);
    expect(parsed.format()).toEqual(json);
  });

  it("rejects what it cannot do", () => {
    expect(() => Preprocessing.parse({ resample: 0, do_resize: false }, "p.json")).toThrow(
      /^p\.json: [\s\S]*do_resize[\s\S]*resample/,
    );
    expect(() => Preprocessing.parse({ size: 20, crop_size: 32 })).toThrow(
      "expected a cropSize of at most 20 pixels, got 32",
    );
  });
});
