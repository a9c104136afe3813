import { mkdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";

/** A dataset of two colours, two images each for training and one for tests. */
export async function writeDataset(folder: string): Promise<void> {
  const colours = { red: "#c02020", blue: "#2020c0" };
  for (const [name, background] of Object.entries(colours)) {
    for (const [part, count] of Object.entries({ train: 2, test: 1 })) {
      mkdirSync(join(folder, part, name), { recursive: true });
      for (let i = 0; i < count; i++) {
        const path = join(folder, part, name, `${i}.png`);
        await sharp({ create: { width: 40, height: 32, channels: 3, background } }).toFile(path);
      }
    }
  }
}
