import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { glob } from "tinyglobby";

/**
 * JPEG files below a folder, spread evenly over all there are.
 * @returns absolute paths
 * @throws if there is no such folder, or too few in it
 */
export async function findJpegs(folder, count) {
  const files = existsSync(folder)
    ? (await glob("**/*.{jpg,jpeg}", { cwd: folder, absolute: true })).sort()
    : [];
  if (files.length < count) {
    throw new Error(
      `Expected a folder with ${count} JPEG files or more at ${folder}, got ${files.length}. ` +
        "Name one with --images DIR, or fewer with --count N.",
    );
  }
  return Array.from({ length: count }, (_, i) => files[Math.floor((i * files.length) / count)]);
}

/** Copies of images, JPEG again, with a shorter side of `size` pixels. @returns their paths in `folder` */
export async function upscale(files, size, folder) {
  await mkdir(folder);
  const paths = files.map((_, i) => join(folder, `${i}.jpg`));
  const remaining = files.entries();
  const work = async () => {
    for (const [i, file] of remaining) {
      await sharp(file).resize(size, size, { fit: "outside" }).jpeg({ quality: 90 }).toFile(paths[i]);
    }
  };
  await Promise.all([work(), work()]);
  return paths;
}
