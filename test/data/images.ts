import { mkdtempSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll } from "vitest";

/** A folder that is removed after the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "codyra-data-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  return folder;
}

export interface Picture {
  width?: number;
  height?: number;
  /** The left half; the right half is black. */
  color?: { r: number; g: number; b: number };
}

/** Writes a picture in the format of the path's extension. */
export async function writePicture(
  path: string,
  { width = 24, height = 16, color }: Picture = {},
): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const { r, g, b } = color ?? { r: 200, g: 40, b: 90 };
  const half = { create: { width: width / 2, height, channels: 3 as const, background: { r, g, b } } };
  await sharp({ create: { width, height, channels: 3, background: "black" } })
    .composite([{ input: half, left: 0, top: 0 }])
    .toFile(path);
  return path;
}
