import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writePicture } from "../data/images.js";
import { writeConfig } from "./cli.js";

/**
 * Two datasets of drawn pictures, with enough iterations to be interrupted: 60 for each, all logged.
 * @param learned those that the configuration has, of `one` and `two`
 * @returns the path of the configuration
 */
export async function drawnStream(folder: string, learned = ["one", "two"]): Promise<string> {
  const colours = { red: "r", green: "g", blue: "b" } as const;
  for (const name of ["one", "two"]) {
    for (const [colour, channel] of Object.entries(colours)) {
      for (const part of ["train", "test"]) {
        const color = { r: 20, g: 20, b: name === "one" ? 20 : 90, [channel]: 220 };
        await writePicture(join(folder, name, part, `${colour} ${name}`, "0.png"), { color });
      }
    }
  }
  return writeConfig(folder, {
    name: "drawn",
    shots: null,
    cache: false,
    options: { iterations: 60, batchSize: 3, rank: 2, logEvery: 1, learningRate: 0.002, kappaMax: 0.05 },
    datasets: learned.map((name) => ({ name, root: join(folder, name) })),
  });
}

/** How many steps a run has logged. */
export const steps = (directory: string): number => {
  const path = join(directory, "events.jsonl");
  return existsSync(path) ? readFileSync(path, "utf8").split('"kind":"step"').length - 1 : 0;
};
