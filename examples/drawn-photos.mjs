// Pictures of the miniature world, for examples that need images and have none.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { data } from "codyra";
import sharp from "sharp";

/**
 * A domain of the miniature world as a task in memory.
 * @param {string} name
 * @param {{ shots: number, size: number }} options size: side of the images in pixels, as models take them
 */
export async function drawTask(name, { shots, size }) {
  const { classes, template } = data.miniature.miniatureDomain(name);
  const draw = (split, perClass) => data.miniature.drawDomain(name, { split, perClass, seed: 1, size });
  const [train, test] = await Promise.all([draw("train", shots), draw("test", 20)]);
  return data.taskFromArrays({ name, classes, templates: [template], size, train, test });
}

/**
 * The same as image files: `folder/train/rose/0.png`, as one has photographs.
 * @param {string} folder
 * @param {string} name
 * @param {{ shots: number, size?: number }} options
 */
export async function drawFolder(folder, name, { shots, size = 64 }) {
  const { classes } = data.miniature.miniatureDomain(name);
  for (const split of /** @type {const} */ (["train", "test"])) {
    const perClass = split === "train" ? shots : 10;
    const { images, labels } = await data.miniature.drawDomain(name, { split, perClass, seed: 1, size });
    for (const [i, label] of labels.entries()) {
      const directory = join(folder, split, classes[label]);
      await mkdir(directory, { recursive: true });
      const pixels = images.subarray(i * size * size * 3, (i + 1) * size * size * 3);
      await sharp(pixels, { raw: { width: size, height: size, channels: 3 } }).toFile(
        join(directory, `${i}.png`),
      );
    }
  }
}
