import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { Progress } from "../../lib/cli/output/progress.js";
import { openMiniatureReference, openReference } from "../../lib/experiment/index.js";
import { tinyClip } from "../lora/models.js";

async function writeReference(): Promise<{ images: string; texts: string }> {
  const folder = mkdtempSync(join(tmpdir(), "codyra-reference-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const images = join(folder, "images");
  mkdirSync(join(images, "deep"), { recursive: true });
  for (const [name, background] of [
    ["b.png", "red"],
    ["deep/a.png", "blue"],
  ] as const) {
    await sharp({ create: { width: 60, height: 40, channels: 3, background } }).toFile(join(images, name));
  }
  const texts = join(folder, "captions.txt");
  writeFileSync(texts, "a dog\n\n  two cats \r\n");
  return { images, texts };
}

const options = () => ({ cache: false, signal: new AbortController().signal, progress: new Progress() });

afterEach(() => void vi.unstubAllEnvs());

describe("reference data", () => {
  it("are the images of a folder, as models see them, and the lines of a text file", async () => {
    const { name, images, texts } = await openReference(await writeReference(), tinyClip(), options());
    onTestFinished(() => images.dispose());
    expect([name, texts]).toEqual(["images", ["a dog", "two cats"]]);
    expect(images.images.shape).toEqual([2, 3, 32, 32]);
    expect(images.images.select(2, 0).select(2, 0).toArray()).toEqual([
      [255, 0, 0],
      [0, 0, 255],
    ]);
    expect([...images.aspectRatios]).toEqual([1, 1]);
  });

  it("must be there", async () => {
    const { images, texts } = await writeReference();
    const open = (given: { images: string; texts: string }) => openReference(given, tinyClip(), options());
    await expect(open({ images: join(images, "none"), texts })).rejects.toThrow(
      /none: expected a folder of reference images, but there is no such file/,
    );
    await expect(open({ images, texts: `${texts}.gz` })).rejects.toThrow(
      /expected a file of reference texts, but it cannot be read \(ENOENT\)/,
    );
    writeFileSync(texts, "a dog\na rosé\n", "latin1");
    await expect(open({ images, texts })).rejects.toThrow(
      /expected text in UTF-8, got the byte 0xe9 .*line 2/,
    );
    writeFileSync(texts, "\n \n");
    await expect(open({ images, texts })).rejects.toThrow(/expected reference texts, one per line, got none/);
  });

  it("of the miniature world are pictures with captions", async () => {
    const cache = mkdtempSync(join(tmpdir(), "codyra-reference-"));
    onTestFinished(() => rmSync(cache, { recursive: true }));
    vi.stubEnv("XDG_CACHE_HOME", cache);
    const { images, texts } = await openMiniatureReference(5, tinyClip());
    onTestFinished(() => images.dispose());
    expect(images.images.shape).toEqual([5, 3, 32, 32]);
    expect(new Set(texts).size).toBeGreaterThan(1);
    expect(texts).toHaveLength(5);
    const first = await openMiniatureReference(5, tinyClip(), "miniature-v2");
    onTestFinished(() => first.images.dispose());
    expect(first.texts).not.toEqual(texts); // each model has those of its own mixture
    const own = await openMiniatureReference(5, tinyClip(), "some/path");
    onTestFinished(() => own.images.dispose());
    expect(own.texts).toEqual(texts);
  });
});
