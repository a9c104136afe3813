import { join } from "node:path";
import type { DualEncoder } from "../clip/index.js";
import { imageSetFromArrays, miniature, type Task, taskFromArrays } from "../data/index.js";
import type { ReferenceData } from "../methods/index.js";
import { cacheDirectory } from "./cache-directory.js";

export interface MiniatureOptions {
  readonly shots: number;
  readonly testPerClass: number;
  readonly seed: number;
}

/** The domains of the miniature world as tasks, drawn once and then read from the cache. */
export async function openMiniatureTasks(options: MiniatureOptions, model: DualEncoder): Promise<Task[]> {
  const { shots, testPerClass, seed } = options;
  const size = model.config.vision.imageSize;
  const directory = join(cacheDirectory(), "miniature");
  return Promise.all(
    miniature.miniatureDomains.map(async ({ name, classes, template }) => {
      const draw = (split: "train" | "test", perClass: number) =>
        miniature.drawDomain(name, {
          split,
          perClass,
          seed: split === "train" ? seed : 0,
          size,
          cacheDirectory: directory,
        });
      const [train, test] = await Promise.all([draw("train", shots), draw("test", testPerClass)]);
      return taskFromArrays({ name, classes, templates: [template], size, train, test });
    }),
  );
}

/**
 * Images and captions like those that a miniature CLIP was trained on, but none of them.
 * @param name the model's name; a model of one's own gets the images of the embedded one
 */
export async function openMiniatureReference(
  pairs: number,
  model: DualEncoder,
  name = "miniature",
): Promise<ReferenceData> {
  const { mixture, seed } = miniature.miniatureRecipes[miniature.isMiniature(name) ? name : "miniature"];
  const size = model.config.vision.imageSize;
  const { images, captions } = await miniature.drawPretrainingPairs({
    mixture,
    count: pairs,
    seed: seed + 1,
    size,
    cacheDirectory: join(cacheDirectory(), "miniature"),
  });
  const labels = new Int32Array(pairs);
  return { name: "mixture", images: imageSetFromArrays({ images, labels }, size), texts: captions };
}
